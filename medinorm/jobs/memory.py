"""Memory of a job that allocates the same sizes again and again."""

import ctypes
import sys

# Of `malloc.h` of the GNU C library.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_LARGEST_MMAP_THRESHOLD = 32 * 2**20  # more is refused


def keep_freed_memory() -> None:
    """Keep what is freed for the next allocation, instead of giving it back.

    By default, the system takes each large tensor back and clears it for the next one:
    about a tenth of a training step on a processor. Other C libraries than GNU's are
    left alone.
    """
    if not sys.platform.startswith("linux"):
        return
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return
    set_option(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
    set_option(_TRIM_THRESHOLD, 2**31 - 1)
    set_option(_TOP_PAD, 2 * _LARGEST_MMAP_THRESHOLD)
