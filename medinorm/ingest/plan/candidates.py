"""What the input holds: candidate scans, and the state of every file."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from medinorm.errors import StageError
from medinorm.files.records import cell, read_records, write_records
from medinorm.files.tables import json_cell

# `excluded`: a scan or series that no rule wants; `quarantined`: one that is held back
# because something about it is wrong or risky; `files`: how many files that belong to
# no scan were left out for one reason.
LeftOutKind = Literal["excluded", "quarantined", "files"]
Kind = Literal["nifti", "dicom", "excluded", "quarantined", "files"]
# `part`: used for one of several volumes of its series.
FileState = Literal["used", "part", "excluded", "quarantined", "unreadable"]

# Blanks that would not be in a cell as they are: all but a single space inside.
_FOLDED = re.compile(r"[^\S ]|\A\s|\s\Z|(?<=\s)\s")


@dataclass(frozen=True)
class NiftiSource:
    """Where a scan in NIfTI is; private.

    Args:
        channels: file of each channel.
        label: the label map, if there is one.
        columns: the user's own facts.
        metadata: JSON sidecars, of which later ones overrule; ``None`` where the kind
            of input has none.
    """

    channels: Mapping[str, Path]
    label: Path | None
    columns: Mapping[str, str] = field(default_factory=dict)
    metadata: tuple[Path, ...] | None = None

    @property
    def labelled(self) -> bool:
        """Whether it has a label map."""
        return self.label is not None

    def to_json(self) -> dict[str, object]:
        """The source as JSON."""
        always: dict[str, object] = {
            "channels": {name: str(path) for name, path in self.channels.items()},
            "label": self.label and str(self.label),
            "columns": dict(self.columns),
        }
        if self.metadata is None:
            return always
        return always | {"metadata": list(map(str, self.metadata))}

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Self:
        """The source that JSON says."""
        metadata, label = value.get("metadata"), value["label"]
        return cls(
            channels={name: Path(path) for name, path in value["channels"].items()},
            label=Path(label) if label else None,
            columns=value["columns"],
            metadata=None if metadata is None else tuple(map(Path, metadata)),
        )


@dataclass(frozen=True)
class ChannelSource:
    """Where one channel in DICOM is; private.

    Args:
        files: name of the list of its files, see `Inventory`.
        frames: which frames of each file belong to it, if not all.
        notes: what was done about its slices, for the sidecar.
    """

    files: str
    frames: tuple[tuple[int, ...], ...] | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The source as JSON; what it does not have is left out."""
        optional = {"frames": self.frames, "notes": self.notes or None}
        return {"files": self.files} | _without_none(optional)

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Self:
        """The source that JSON says."""
        frames = value.get("frames")
        return cls(
            files=value["files"],
            frames=None if frames is None else tuple(map(tuple, frames)),
            notes=tuple(value.get("notes", ())),
        )


def _without_none(cells: Mapping[str, object]) -> dict[str, object]:
    """The cells that hold something."""
    return {name: value for name, value in cells.items() if value is not None}


@dataclass(frozen=True)
class DicomSource:
    """Where a scan in DICOM is; private.

    Args:
        files: name of the list of files of its first channel, see `Inventory`.
        label: its label map in NIfTI, if the label table names one.
        annotation: else its SEG or RTSTRUCT.
        columns: the user's own facts.
        frames: which frames of each file belong to the first channel, if not all.
        notes: what was done about its slices, for the sidecar.
        others: the other channels of a study with several, by name.
    """

    files: str
    label: Path | None = None
    annotation: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    frames: tuple[tuple[int, ...], ...] | None = None
    notes: tuple[str, ...] = ()
    others: Mapping[str, ChannelSource] = field(default_factory=dict)

    @property
    def labelled(self) -> bool:
        """Whether it has a label map."""
        return self.label is not None or self.annotation is not None

    @property
    def first(self) -> ChannelSource:
        """The first channel."""
        return ChannelSource(self.files, self.frames, self.notes)

    def to_json(self) -> dict[str, object]:
        """The source as JSON; what it does not have is left out."""
        others = {name: own.to_json() for name, own in self.others.items()}
        optional = {
            "label": self.label and str(self.label),
            "segmentation": self.annotation and str(self.annotation),
            "others": others or None,
        }
        own = {**self.first.to_json(), "columns": dict(self.columns)}
        return own | _without_none(optional)

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Self:
        """The source that JSON says."""
        label, annotation = value.get("label"), value.get("segmentation")
        first, others = ChannelSource.of_json(value), value.get("others", {})
        return cls(
            files=first.files,
            label=Path(label) if label else None,
            annotation=Path(annotation) if annotation else None,
            columns=value["columns"],
            frames=first.frames,
            notes=first.notes,
            others={name: ChannelSource.of_json(own) for name, own in others.items()},
        )


@dataclass(frozen=True)
class Candidate:
    """A scan to convert.

    Args:
        where: how a person finds it, free of identifiers.
        scan: id of the scan, which names its files.
        subject: BIDS subject.
        session: BIDS session.
        source: what the reader of its kind needs; private.
    """

    where: str
    scan: str
    subject: str
    session: str | None
    source: NiftiSource | DicomSource

    @property
    def kind(self) -> Kind:
        """How it is read."""
        return "nifti" if isinstance(self.source, NiftiSource) else "dicom"


@dataclass(frozen=True)
class LeftOut:
    """What will not be converted.

    Args:
        kind: a scan or series that is not wanted or held back, or files.
        where: how a person finds it, free of identifiers.
        reason: why.
    """

    kind: LeftOutKind
    where: str
    reason: str


@dataclass(frozen=True)
class _PlanRow:
    """One row of the private plan; `source` is JSON: the source, or the reason."""

    scan: str | None
    subject: str | None
    session: str | None
    kind: Kind
    where: str
    source: Mapping[str, Any] = field(metadata=cell(parse=json.loads, write=json_cell))


@dataclass(frozen=True)
class InputFile:
    """One file of the input and what became of it.

    Args:
        path: the file.
        state: what became of it.
        where: the scan or series it belongs to.
        reason: why it is not used.
        others: further scans that use it, such as a label map of two sessions.
    """

    path: Path
    state: FileState
    where: str | None = None
    reason: str | None = None
    others: tuple[str, ...] = ()


def _json_words(text: str) -> tuple[str, ...]:
    """The words of a list in JSON."""
    return tuple(json.loads(text))


@dataclass(frozen=True)
class FileRow:
    """One row of the private table of files: an `InputFile` whose path is readable."""

    path: str
    state: FileState
    where: str | None
    reason: str | None
    others: tuple[str, ...] = field(metadata=cell(parse=_json_words, write=json_cell))

    @property
    def users(self) -> tuple[str | None, ...]:
        """The scans that the file belongs to."""
        return (self.where, *self.others)


@dataclass(frozen=True)
class Inventory:
    """All candidates and all files of an input.

    Args:
        candidates: scans, and what is left out.
        files: every file.
        series: files of each DICOM candidate, by the name of their list.
    """

    candidates: Sequence[Candidate | LeftOut]
    files: Sequence[InputFile]
    series: Mapping[str, Sequence[Path]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What the private plan says.

    Args:
        candidates: scans to convert.
        left_out: what will not be converted.
    """

    candidates: Sequence[Candidate]
    left_out: Sequence[LeftOut]


def excluded(where: str, reason: str) -> LeftOut:
    """A candidate that the study does not use."""
    return LeftOut("excluded", where, reason)


def quarantined(where: str, reason: str) -> LeftOut:
    """A candidate that is held back until a person has looked at it."""
    return LeftOut("quarantined", where, reason)


def count_unused_files(files: Iterable[InputFile]) -> list[LeftOut]:
    """One row for each reason why files that belong to no scan were left out.

    Examples:
        >>> notes = InputFile(Path("notes.txt"), "excluded", reason="not DICOM")
        >>> [row.where for row in count_unused_files([notes, notes])]
        ['2 files']
    """
    counts = Counter(file.reason for file in files if file.reason and not file.where)
    return [
        LeftOut("files", f"{count} file{'s' * (count > 1)}", reason)
        for reason, count in sorted(counts.items())
    ]


def write_plan(path: Path, rows: Iterable[Candidate | LeftOut]) -> None:
    """Write the private plan, in this order."""
    write_records(path, map(_plan_row, rows), _PlanRow)


def read_plan(path: Path) -> Plan:
    """Read the private plan.

    Raises:
        StageError: it is missing or damaged.
    """
    candidates: list[Candidate] = []
    left_out: list[LeftOut] = []
    for row in read_records(path, _PlanRow):
        match row.kind:
            case "nifti":
                candidates.append(_candidate(row, NiftiSource.of_json(row.source)))
            case "dicom":
                candidates.append(_candidate(row, DicomSource.of_json(row.source)))
            case kind:
                left_out.append(LeftOut(kind, row.where, row.source["reason"]))
    return Plan(candidates, left_out)


def _candidate(row: _PlanRow, source: NiftiSource | DicomSource) -> Candidate:
    """The candidate of one row.

    Raises:
        StageError: it has no name.
    """
    if row.scan is None or row.subject is None:
        raise StageError("the plan has a candidate without a name; plan again")
    return Candidate(row.where, row.scan, row.subject, row.session, source)


def _plan_row(row: Candidate | LeftOut) -> _PlanRow:
    """One row of the plan."""
    if isinstance(row, LeftOut):
        nobody = None, None, None
        return _PlanRow(*nobody, row.kind, row.where, {"reason": row.reason})
    names = row.scan, row.subject, row.session
    return _PlanRow(*names, row.kind, row.where, row.source.to_json())


def write_files(path: Path, files: Iterable[InputFile]) -> None:
    """Write the private table of files, in the order of their paths."""
    rows = [
        FileRow(printable(file.path), file.state, file.where, file.reason, file.others)
        for file in files
    ]
    write_records(path, sorted(rows, key=lambda row: row.path), FileRow)


def read_files(path: Path) -> list[FileRow]:
    """Read the private table of files.

    Raises:
        StageError: it is missing or damaged.
    """
    return read_records(path, FileRow)


def printable(path: Path) -> str:
    r"""A path as text fit for a cell; no two paths have the same.

    Bytes that are not UTF-8 and blanks that a table would fold are escaped.

    Examples:
        >>> printable(Path("a b")), printable(Path("a  b")), printable(Path("a\\x20b"))
        ('a b', 'a \\x20b', 'a\\\\x20b')
    """
    escaped = os.fsencode(path).replace(b"\\", b"\\\\")
    return _FOLDED.sub(_number_of, escaped.decode("utf-8", "backslashreplace"))


def _number_of(blank: re.Match[str]) -> str:
    """The escape of a blank."""
    return f"\\x{ord(blank[0]):02x}"
