"""Calls that work in one folder at the same time take turns where they must."""

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# File systems that know no locks.
NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})


@contextmanager
def taking_turns(lock: Path) -> Iterator[None]:
    """Let one process at a time into the block; the others wait until it has left.

    A process that is killed has left. Where a file system knows no locks nobody waits.

    Args:
        lock: an empty file, made if it is not there; its folder must be.

    Raises:
        OSError: the file cannot be made.
    """
    with lock.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        yield
