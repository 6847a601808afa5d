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

from medinorm.errors import ItemError, StageError
from medinorm.files.tables import Row, write_table
from medinorm.jobs.progress import track

STATUS_COLUMNS = ("scan", "state", "reason", "content")

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
    forgiving: bool = True,
) -> list[Row]:
    """Do `work` on each item and write one status row for each.

    The first of `columns` names the item: a scan, or the seed of a run. The table says
    ``ok`` or ``failed`` and what `work` added to the item, such as the checksum of its
    output: it changes when, and only when, a result has changed, which is how Snakemake
    knows what follows from it.

    An `ItemError` becomes the row's reason. So does any other exception that is not a
    full disk, by its type and place only, because its text may hold a path or a header
    value; it is a bug and the log says so.

    Args:
        items: rows to work on.
        work: makes the outputs of one item, or finds them current; may add cells.
        status: the table written in the end, all or nothing.
        title: what is being done, for the progress bar.
        columns: the columns of the status table.
        forgiving: whether an exception that is no `ItemError` is a row like others. If
            not, the job fails in the end, so that the next call tries again: memory may
            have been short, and a variant must not lose by that.

    Returns:
        The rows, with `state` (``made``, ``current`` or ``failed``) and `reason`.

    Raises:
        OSError: the disk is full or read-only.
        StageError: an item failed unexpectedly, and `forgiving` is false.
    """
    rows = []
    bugs = 0
    for item in track(items, title):
        state, reason, bug = _attempt(item, work)
        bugs += bug
        if reason:
            _log.warning("%s %s: %s", columns[0], item[columns[0]], reason)
        rows.append(item | {"state": state, "reason": reason})
    made = sum(row["state"] == "made" for row in rows)
    _log.info("%s: %d made, %d in all", title, made, len(rows))
    plain = (row | {"state": "failed" if row["reason"] else "ok"} for row in rows)
    write_table(status, plain, columns)
    if bugs and not forgiving:
        raise StageError(
            f"{bugs} of {len(rows)} items failed unexpectedly, see the lines above; "
            "run again, and report it if it stays"
        )
    return rows


def _attempt(item: Row, work: Callable[[Row], State]) -> tuple[str, str, bool]:
    """State and reason of one item, and whether it failed unexpectedly."""
    try:
        return work(item), "", False
    except ItemError as error:
        return "failed", str(error), False
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        reason = f"unexpected error, please report it: {place_of(error)}"
        return "failed", reason, True


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
