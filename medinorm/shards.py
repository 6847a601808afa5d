"""Per-scan work, many scans to a job: one bad scan never fails the others.

A scan belongs to the shard that a hash of its id names, so adding scans to a study
moves none of the others.
"""

import errno
import hashlib
import logging
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from medinorm.errors import ItemError
from medinorm.progress import track
from medinorm.tables import Row, write_table

STATUS_COLUMNS = ("scan", "state", "reason")

State = Literal["made", "current"]

# No space, over quota, read-only: no later scan would fare better.
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})

_log = logging.getLogger(__name__)


def shard_of(scan: str, shards: int) -> int:
    """The shard, counted from 0, to which a scan belongs.

    Examples:
        >>> shard_of("sub-01_T1w", 4) == shard_of("sub-01_T1w", 4)
        True
    """
    digest = hashlib.blake2b(scan.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards


def in_shard(rows: Iterable[Row], shard: int, shards: int) -> list[Row]:
    """The rows whose `scan` belongs to one shard."""
    return [row for row in rows if shard_of(row["scan"], shards) == shard]


def run_items(
    items: Sequence[Row],
    work: Callable[[Row], State],
    status: Path,
    *,
    title: str,
    columns: Sequence[str] = STATUS_COLUMNS,
) -> list[Row]:
    """Do `work` on each item and write one status row for each.

    The first of `columns` names the item: a scan, or the seed of a run.

    An `ItemError` becomes the row's reason. So does any other exception that is not a
    full disk, by its type and place only, because its text may hold a path or a header
    value; it is a bug and the log says so.

    Args:
        items: rows to work on.
        work: makes the outputs of one item, or finds them current.
        status: the table written in the end, all or nothing.
        title: what is being done, for the progress bar.
        columns: the columns of the status table.

    Returns:
        The status rows: those of `items` with `state` (``made``, ``current`` or
        ``failed``) and `reason`.

    Raises:
        OSError: the disk is full or read-only.
    """
    rows = []
    for item in track(items, title):
        state, reason = _attempt(item, work)
        if reason:
            _log.warning("%s %s: %s", columns[0], item[columns[0]], reason)
        rows.append(item | {"state": state, "reason": reason})
    write_table(status, rows, columns)
    return rows


def _attempt(item: Row, work: Callable[[Row], State]) -> tuple[str, str]:
    """State and reason of one item."""
    try:
        return work(item), ""
    except ItemError as error:
        return "failed", str(error)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        return "failed", f"unexpected error, please report it: {place_of(error)}"


def place_of(error: BaseException) -> str:
    """Type and place of an exception, without its text.

    Examples:
        >>> try:
        ...     int("secret")
        ... except ValueError as error:
        ...     place_of(error).startswith("ValueError at ")
        True
    """
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
