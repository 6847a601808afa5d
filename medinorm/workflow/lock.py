"""One call of snakemake at a time in the results of a study.

Snakemake's own lock is a file that stays when it is killed, and then stops the next
call. This one belongs to the process: the system takes it away when the process ends,
however it ends.
"""

import errno
import fcntl
import logging
import os
from pathlib import Path
from typing import IO

from medinorm.errors import StageError

LOCK_NAME = ".lock"

# File systems that know no locks.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})

_log = logging.getLogger(__name__)

_held: list[IO[bytes]] = []  # open until the process ends


def hold_results(results: Path) -> None:
    """Keep other calls of snakemake out of a folder until this process ends.

    Args:
        results: folder of the results; made if it is not there.

    Raises:
        StageError: another call works in it now.
    """
    results.mkdir(parents=True, exist_ok=True)
    lock = (results / LOCK_NAME).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StageError(
            "another snakemake works on this study now; wait until it ends, or give "
            "this study another results folder"
        ) from None
    except OSError as error:
        lock.close()
        if error.errno not in _NO_LOCKS:
            raise
        _log.warning(
            "this file system knows no locks (%s); do not start two calls at once",
            os.strerror(error.errno),
        )
        return
    _held.append(lock)
