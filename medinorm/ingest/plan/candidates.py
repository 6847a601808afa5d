"""What a look at the input finds: candidate scans, and the state of every file."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from medinorm.files.tables import Row

# `excluded`: a scan or series that no rule wants; `quarantined`: one that is held back
# because something about it is wrong or risky; `files`: how many files that belong to
# no scan were left out for one reason.
Kind = Literal["nifti", "dicom", "excluded", "quarantined", "files"]
# `part`: used for one of several volumes of its series.
FileState = Literal["used", "part", "excluded", "quarantined", "unreadable"]

# Blanks that would not be in a cell as they are: all but a single space inside.
_FOLDED = re.compile(r"[^\S ]|\A\s|\s\Z|(?<=\s)\s")

FILE_COLUMNS = ("path", "state", "where", "reason", "others")


@dataclass(frozen=True)
class Candidate:
    """One row of the private plan.

    Args:
        kind: how it is read, or that it is not.
        where: how a person finds it, free of identifiers.
        scan: id of the scan, which names its files.
        subject: BIDS subject.
        session: BIDS session, or empty.
        source: what the reader of its kind needs; private.
    """

    kind: Kind
    where: str
    scan: str = ""
    subject: str = ""
    session: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def row(self) -> dict[str, str]:
        """The candidate as a row of the plan."""
        return {
            "scan": self.scan,
            "subject": self.subject,
            "session": self.session,
            "kind": self.kind,
            "where": self.where,
            "source": pack(self.source),
        }


@dataclass(frozen=True)
class InputFile:
    """One file of the input and what became of it.

    Args:
        path: the file.
        state: what became of it.
        where: the scan or series it belongs to, or empty.
        reason: why it is not used.
        others: further scans that use it, such as a label map of two sessions.
    """

    path: Path
    state: FileState
    where: str = ""
    reason: str = ""
    others: tuple[str, ...] = ()

    @property
    def row(self) -> dict[str, str]:
        """The file as a row of the private table of files."""
        return {
            "path": printable(self.path),
            "state": self.state,
            "where": self.where,
            "reason": self.reason,
            "others": pack(self.others),
        }


@dataclass(frozen=True)
class Inventory:
    """All candidates and all files of an input."""

    candidates: Sequence[Candidate]
    files: Sequence[InputFile]


def excluded(where: str, reason: str) -> Candidate:
    """A candidate that is left out."""
    return Candidate(kind="excluded", where=where, source={"reason": reason})


def quarantined(where: str, reason: str) -> Candidate:
    """A candidate that is held back until a person has looked at it."""
    return Candidate(kind="quarantined", where=where, source={"reason": reason})


def count_strays(files: Iterable[InputFile]) -> list[Candidate]:
    """One row for each reason why files that belong to no scan were left out.

    Examples:
        >>> stray = InputFile(Path("notes.txt"), "excluded", reason="not DICOM")
        >>> [row.where for row in count_strays([stray, stray])]
        ['2 files']
    """
    counts = Counter(file.reason for file in files if file.reason and not file.where)
    return [
        Candidate(
            kind="files",
            where=f"{count} file{'s' * (count > 1)}",
            source={"reason": reason},
        )
        for reason, count in sorted(counts.items())
    ]


def pack(value: Any) -> str:
    r"""JSON as one cell of a table, which folds runs of white space.

    Examples:
        >>> pack({"path": "a  b"})
        '{"path":"a\\u0020\\u0020b"}'
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace(" ", "\\u0020")


def unpack(row: Row, column: str = "source") -> Any:
    """The JSON value in a cell."""
    return json.loads(row[column])


def printable(path: Path) -> str:
    r"""A path as text fit for a cell; no two paths have the same.

    Bytes that are not UTF-8 and blanks that a table would fold are escaped.

    Examples:
        >>> printable(Path("a b")), printable(Path("a  b")), printable(Path("a\\x20b"))
        ('a b', 'a \\x20b', 'a\\\\x20b')
    """
    plain = os.fsencode(path).replace(b"\\", b"\\\\")
    return _FOLDED.sub(_escaped, plain.decode("utf-8", "backslashreplace"))


def _escaped(blank: re.Match[str]) -> str:
    """A blank by its number."""
    return f"\\x{ord(blank[0]):02x}"
