"""What became of every input file: each in one state, and the counts add up."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from medinorm.errors import StageError
from medinorm.ingest.plan.candidates import FileRow, FileState
from medinorm.records.scans import AccountRow
from medinorm.records.status import ConvertStatus

FinalState = Literal["converted", "split part", "excluded", "quarantined", "unreadable"]
STATES: tuple[FinalState, ...] = get_args(FinalState)

UNLABELLED = "no label map: checked and harmonized, never trained on or scored"

_IN_USE: Mapping[FileState, FinalState] = {"used": "converted", "part": "split part"}


@dataclass(frozen=True)
class SettledRow:
    """One row of the private table of settled files.

    Args:
        path: the file, readable.
        state: in which it ended; ``None`` if in none, which is a bug.
        where: the scan or series it belongs to.
        reason: why it is not used.
    """

    path: str
    state: FinalState | None
    where: str | None
    reason: str | None


def settle_files(
    files: Sequence[FileRow], scans: Sequence[ConvertStatus]
) -> list[SettledRow]:
    """Decide in which state each file of the input ended.

    A file that serves several scans is converted if one of them is.

    Args:
        files: what the plan said of each file.
        scans: all candidates that were to be converted.

    Returns:
        One row for each of `files`, in their order.

    Raises:
        StageError: a file has no state or several, or a scan no file; it is a bug.
    """
    by_place: dict[str, list[ConvertStatus]] = defaultdict(list)
    for scan in scans:
        by_place[scan.where].append(scan)
    settled = [_settle(file, by_place) for file in files]
    # Files that a table names and that do not exist have a row, too.
    named = {where for file in files for where in file.users}
    _check(settled, without_files=len(by_place.keys() - named))
    return settled


def count_files(settled: Sequence[SettledRow]) -> list[AccountRow]:
    """How many files ended in each state, and why; no path is in it.

    Examples:
        >>> file = SettledRow("notes.txt", "excluded", None, "not DICOM")
        >>> count_files([file, file])
        [AccountRow(state='excluded', reason='not DICOM', files=2)]
    """
    counts = Counter((row.state or "", row.reason or "") for row in settled)
    ordered = sorted(
        counts.items(), key=lambda item: (_place(item[0][0]), -item[1], item[0])
    )
    return [AccountRow(state, reason, files) for (state, reason), files in ordered]


def _place(state: str) -> int:
    """The place of a state among all."""
    return [str(known) for known in STATES].index(state)


def _settle(file: FileRow, scans: Mapping[str, Sequence[ConvertStatus]]) -> SettledRow:
    """The final state of one file."""
    state, reason = _ended(file, scans)
    return SettledRow(file.path, state, file.where, reason)


def _ended(
    file: FileRow, scans: Mapping[str, Sequence[ConvertStatus]]
) -> tuple[FinalState | None, str | None]:
    """The final state of one file, and why."""
    match file.state:
        case "used" | "part" as state:
            users = _users(file, scans)
        case state:
            return state, file.reason
    if not users:
        return None, file.reason
    if used := [scan for scan in users if scan.state != "failed"]:
        unlabelled = all(scan.facts and scan.facts.label is None for scan in used)
        return _IN_USE[state], UNLABELLED if unlabelled else file.reason
    return "quarantined", users[0].reason


def _users(
    file: FileRow, scans: Mapping[str, Sequence[ConvertStatus]]
) -> list[ConvertStatus]:
    """The candidates that one file belongs to."""
    return [scan for where in file.users for scan in scans.get(where or "", ())]


def _check(settled: Sequence[SettledRow], without_files: int) -> None:
    """Refuse an account that does not add up.

    Raises:
        StageError: it does not.
    """
    paths = Counter(row.path for row in settled)
    reasonless = {"converted", "split part"}
    wrong = {
        "have no final state": sum(row.state not in STATES for row in settled),
        "are counted twice": sum(count - 1 for count in paths.values()),
        "are left out without a reason": sum(
            row.state not in reasonless and not row.reason for row in settled
        ),
        "scans have no file": without_files,
    }
    for what, count in wrong.items():
        if count:
            raise StageError(
                f"the account of {len(settled)} input files does not add up: {count} "
                f"{what}; run plan and convert again, and report it if it stays"
            )
