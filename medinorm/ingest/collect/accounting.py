"""What became of every input file: each in one state, and the counts add up."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from medinorm.errors import StageError
from medinorm.files.tables import Row
from medinorm.ingest.plan.candidates import unpack

# The states in which a file can end.
STATES = ("converted", "split part", "excluded", "quarantined", "unreadable")

SETTLED_COLUMNS = ("path", "state", "where", "reason")

_IN_USE = {"used": "converted", "part": "split part"}


def settle_files(files: Sequence[Row], scans: Sequence[Row]) -> list[Row]:
    """Decide in which state each file of the input ended.

    A file that serves several scans is converted if one of them is.

    Args:
        files: what the plan said of each file, with `FILE_COLUMNS`.
        scans: all candidates that were to be converted, with `where`, `state` (`failed`
            or not) and `reason`.

    Returns:
        Rows with `SETTLED_COLUMNS`, `state` one of `STATES`, in the order of `files`.

    Raises:
        StageError: a file has no state or several, or a scan no file; it is a bug.
    """
    by_place: dict[str, list[Row]] = defaultdict(list)
    for scan in scans:
        by_place[scan["where"]].append(scan)
    settled = [_settle(file, by_place) for file in files]
    used = {
        where for file in files if file["state"] in _IN_USE for where in users_of(file)
    }
    _check(settled, without_files=len(by_place.keys() - used))
    return settled


def users_of(file: Row) -> list[str]:
    """The scans that a file of the plan belongs to."""
    return [file["where"], *unpack(file, "others")]


def count_files(settled: Sequence[Row]) -> list[dict[str, object]]:
    """How many files ended in each state, and why; no path is told.

    Examples:
        >>> file = {"state": "excluded", "reason": "not DICOM"}
        >>> count_files([file, file])
        [{'state': 'excluded', 'reason': 'not DICOM', 'files': 2}]
    """
    counts = Counter((row["state"], row["reason"]) for row in settled)
    ordered = sorted(
        counts.items(), key=lambda item: (STATES.index(item[0][0]), -item[1], item[0])
    )
    return [
        {"state": state, "reason": reason, "files": count}
        for (state, reason), count in ordered
    ]


def _settle(file: Row, scans: Mapping[str, Sequence[Row]]) -> Row:
    """The final state of one file."""
    row = {name: file[name] for name in ("path", "state", "where", "reason")}
    if file["state"] not in _IN_USE:
        return row
    users = [scan for where in users_of(file) for scan in scans.get(where, ())]
    if not users:
        return row | {"state": ""}
    if any(scan["state"] != "failed" for scan in users):
        return row | {"state": _IN_USE[file["state"]]}
    return row | {"state": "quarantined", "reason": users[0]["reason"]}


def _check(settled: Sequence[Row], without_files: int) -> None:
    """Refuse an account that does not add up.

    Raises:
        StageError: it does not.
    """
    paths = Counter(row["path"] for row in settled)
    reasonless = {"converted", "split part"}
    wrong = {
        "have no final state": sum(row["state"] not in STATES for row in settled),
        "are counted twice": sum(count - 1 for count in paths.values()),
        "are left out without a reason": sum(
            row["state"] not in reasonless and not row["reason"] for row in settled
        ),
        "scans have no file": without_files,
    }
    for what, count in wrong.items():
        if count:
            raise StageError(
                f"the account of {len(settled)} input files does not add up: {count} "
                f"{what}; run plan and convert again, and report it if it stays"
            )
