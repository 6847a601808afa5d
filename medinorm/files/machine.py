"""Faults of the machine, which are no fault of the item that was worked on.

Memory that ran out, a disk that does not answer: a scan or a network must not be left
out of a study for them. The job fails, and the next run tries again.
"""

import errno
import os
import re

from medinorm.errors import DamagedError

# No space, over quota, read-only: no later item could be written either.
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})

# These are about one file and stay as they are, however often one tries.
_ABOUT_A_FILE = frozenset(
    {
        errno.ENOENT,
        errno.EACCES,
        errno.EPERM,
        errno.EISDIR,
        errno.ENOTDIR,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.EINVAL,
        errno.EEXIST,
    }
)

# C++ libraries say it in words: of `new`, ITK, torch (CPU, CUDA).
_NO_MEMORY = re.compile(
    r"bad_alloc|allocat\w+ memory|(out of|not enough) memory", re.IGNORECASE
)


def machine_fault(error: BaseException) -> str | None:
    """What the machine could not do, in one line with the remedy; None: no such fault.

    Examples:
        >>> machine_fault(MemoryError())
        'memory ran out; give the job more, or run fewer jobs at once'
        >>> machine_fault(ValueError("3 is not 4")) is None
        True
    """
    if isinstance(error, DamagedError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno == errno.ENOMEM:
            return _memory()
        if error.errno in _ABOUT_A_FILE:
            return None
        return (
            f"the disk or the network gave an error ({os.strerror(error.errno)}); "
            "check them"
        )
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error))
    ):
        return _memory()
    return None


def pass_on_machine_fault(error: BaseException) -> None:
    """Raise the error again if the machine is at fault: no file is damaged then.

    For places where any error of a library means a damaged file.
    """
    if machine_fault(error) is not None:
        raise error


def _memory() -> str:
    """What is said where memory ran out."""
    return "memory ran out; give the job more, or run fewer jobs at once"
