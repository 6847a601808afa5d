"""Work on many scans in one job: a scan that fails never stops the others.

A hash of a scan's id says to which shard it belongs. So adding scans to a study moves
none of the others to another shard.
"""

import hashlib
import logging
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, Protocol, Self, TypeVar

from medinorm.errors import ItemError, StageError
from medinorm.files.machine import DISK_ERRORS, machine_fault
from medinorm.files.records import column_names, write_records
from medinorm.jobs.progress import track

State = Literal["made", "current"]

_log = logging.getLogger(__name__)


class HasScan(Protocol):
    """Something that belongs to one scan."""

    @property
    def scan(self) -> str:
        """The scan's id."""


S = TypeVar("S", bound=HasScan)
T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
V = TypeVar("V")


@dataclass(frozen=True)
class Done(Generic[V]):
    """The work on one item has succeeded.

    Args:
        state: whether its outputs were made, or found current.
        value: what the status table says about them, such as a checksum.
    """

    state: State
    value: V


@dataclass(frozen=True)
class Failed:
    """The work on one item has failed.

    Args:
        reason: why, free of patient data.
        cause: the item itself, a bug, or the machine.
    """

    reason: str
    cause: Literal["item", "bug", "machine"] = "item"

    @property
    def state(self) -> Literal["failed"]:
        """The word that stands where `Done` has ``made`` or ``current``."""
        return "failed"


class StatusRecord(Protocol[T_contra, V]):
    """A row of a status table; its first column names the item."""

    @classmethod
    def of(cls, item: T_contra, end: Done[V] | Failed) -> Self:
        """The row of an item that ended in this way."""


def shard_of(scan: str, shards: int) -> int:
    """The shard, counted from 0, to which a scan belongs.

    Examples:
        >>> shard_of("sub-01_T1w", 4) == shard_of("sub-01_T1w", 4)
        True
    """
    digest = hashlib.blake2b(scan.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards


def in_shard(items: Iterable[S], shard: int, shards: int) -> list[S]:
    """The items whose `scan` belongs to one shard.

    Raises:
        StageError: there is no such shard.
    """
    if not 0 <= shard < shards:
        raise StageError(f"--shard must be from 0 to {shards - 1}, below --shards")
    return [item for item in items if shard_of(item.scan, shards) == shard]


def run_items(
    items: Sequence[T],
    work: Callable[[T], Done[V]],
    status: Path,
    *,
    title: str,
    record: type[StatusRecord[T, V]],
    forgiving: bool = True,
) -> list[tuple[T, Done[V] | Failed]]:
    """Do `work` on each item and write one status row for each.

    The table says ``ok`` or ``failed`` and what `work` returned, such as the checksum
    of its output. So it changes if, and only if, a result has changed: then Snakemake
    makes again what depends on it. There is none if the job fails.

    An `ItemError` becomes the row's reason. A fault of the machine (memory, a disk that
    does not answer, a damaged file of an earlier stage) fails the job once the other
    items are done, so that the next run tries again: no scan is left out for it. Any
    other exception is a bug, and the log says so. Its row has its type and place only,
    because its text may hold a path or a header value.

    Args:
        items: what to work on.
        work: makes the outputs of one item, or finds them current.
        status: the table written in the end, all or nothing.
        title: what is being done, for the progress bar.
        record: class of the rows of the status table.
        forgiving: whether the job succeeds after a bug. If not, it fails in the end: a
            bug must not count against a variant.

    Returns:
        The items and how each ended.

    Raises:
        OSError: the disk is full or read-only.
        StageError: the machine failed, or a bug did and `forgiving` is false.
    """
    ended: list[tuple[T, Done[V] | Failed]] = []
    rows = []
    name = column_names(record)[0]
    for item in track(items, title):
        end = _attempt(item, work)
        row = record.of(item, end)
        if isinstance(end, Failed):
            _log.warning("%s %s: %s", name, getattr(row, name), end.reason)
        ended.append((item, end))
        rows.append(row)
    made = sum(end.state == "made" for _, end in ended)
    _log.info("%s: %d made, %d in all", title, made, len(ended))
    try:
        _require_no_fault(ended, title, forgiving=forgiving)
    except StageError:
        status.unlink(missing_ok=True)  # an old one vouches for what is not there
        raise
    write_records(status, rows, record)
    return ended


def _require_no_fault(
    ended: Sequence[tuple[T, Done[V] | Failed]], title: str, *, forgiving: bool
) -> None:
    """Fail the job where the machine did, or where a bug did.

    Raises:
        StageError: so it is.
    """
    failed = [end for _, end in ended if isinstance(end, Failed)]
    faults = [end for end in failed if end.cause == "machine"]
    if faults:
        raise StageError(
            f"{title}: {len(faults)} of {len(ended)} not done: {faults[0].reason}; "
            "run again: finished work is kept"
        )
    bugs = [end for end in failed if end.cause == "bug"]
    if bugs and not forgiving:
        raise StageError(
            f"{len(bugs)} of {len(ended)} items failed unexpectedly, see the lines "
            "above; run again, and report it if it stays"
        )


def _attempt(item: T, work: Callable[[T], Done[V]]) -> Done[V] | Failed:
    """Work on one item, and how that ended."""
    try:
        return work(item)
    except ItemError as error:
        return Failed(str(error))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        if fault := machine_fault(error):
            return Failed(fault, cause="machine")
        reason = f"unexpected error, please report it: {place_of(error)}"
        return Failed(reason, cause="bug")


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
