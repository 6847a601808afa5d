"""Candidate scans from a table of image files."""

import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.records import column_names
from medinorm.files.tables import read_table
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms, bids_label
from medinorm.ingest.plan.candidates import (
    Candidate,
    FileState,
    InputFile,
    Inventory,
    NiftiSource,
    excluded,
)
from medinorm.records.scans import IDENTITY_COLUMNS, ScanRow

# Columns of scans.tsv that a user's column may not replace.
_RESERVED = {*column_names(ScanRow), "reason"} - {*IDENTITY_COLUMNS}
# In messages and tables: the name of the file may name a patient.
_CALLED = "input.scans"


@dataclass(frozen=True)
class _TableLine:
    """One line of the table.

    Args:
        where: table and line.
        subject: as the table has it, or empty.
        session: likewise.
        own: the user's own facts.
        channels: image of each channel.
        label: label map.
    """

    where: str
    subject: str
    session: str
    own: Mapping[str, str]
    channels: Mapping[str, Path]
    label: Path | None

    @property
    def who(self) -> tuple[str, str]:
        """Subject and session."""
        return self.subject, self.session

    @property
    def files(self) -> list[Path]:
        """Images, then the label map."""
        return [*self.channels.values(), *filter(None, [self.label])]


def find_table_scans(
    table: Path, channels: Sequence[str], pseudonyms: Pseudonyms
) -> Inventory:
    """Read a table with one scan a line.

    Lines that repeat a scan or a file are left out with a reason, all of them: which
    one is right cannot be known.

    Args:
        table: columns `subject`, optional `session`, one for each channel, `label`;
            all others are the user's own facts. Paths are relative to its folder.
        channels: names of the image columns.
        pseudonyms: for subjects and sessions.

    Raises:
        StageError: the table is missing or empty, or its columns are wrong.
    """
    entries = _read_entries(table, channels)
    reasons = _repeated(entries)
    for entry in entries:
        reasons.setdefault(entry.where, _incomplete(entry, channels))
    usable = [entry for entry in entries if not reasons[entry.where]]
    subjects = pseudonyms.subjects(entry.subject for entry in usable)
    sessions = pseudonyms.sessions(entry.who for entry in usable)
    candidates = [
        _candidate(entry, subjects[entry.subject], sessions["\0".join(entry.who)])
        for entry in usable
    ]
    left = [excluded(where, reason) for where, reason in reasons.items() if reason]
    return Inventory([*candidates, *left], _files(entries, reasons))


def suffix_of(channels: Sequence[str]) -> str:
    """The last part of a scan's id, which BIDS reserves for the kind of image.

    Examples:
        >>> suffix_of(["t1_ce"]), suffix_of(["t1", "t2"])
        ('t1ce', 'channels')
    """
    return bids_label(channels[0]) if len(channels) == 1 else "channels"


def scan_id(subject: str, session: str, *entities: str) -> str:
    """The id of a scan: BIDS entities, then the suffix.

    Examples:
        >>> scan_id("01", "", "run-1", "T1w")
        'sub-01_run-1_T1w'
    """
    parts = [f"sub-{subject}", f"ses-{session}" if session else "", *entities]
    return "_".join(filter(None, parts))


def numbered_lines(table: Path) -> list[int]:
    """The line number of each row, counted from 1 as editors do."""
    lines = table.read_text(encoding="utf-8-sig").splitlines()
    return [number for number, line in enumerate(lines, 1) if line][1:]


def check_own_columns(table: str, columns: Collection[str]) -> None:
    """Refuse a user's column that would replace one of the workflow's.

    Raises:
        StageError: a column must be renamed.
    """
    if clash := sorted(_RESERVED.intersection(columns)):
        raise StageError(
            f"{table}: column {clash[0]!r} has a meaning of its own in scans.tsv; "
            "rename it, or name it in input.channels if it holds images"
        )


def _read_entries(table: Path, channels: Sequence[str]) -> list[_TableLine]:
    """The lines of the table.

    Raises:
        StageError: see `find_table_scans`.
    """
    rows = read_table(table, required=("subject", *channels, "label"), called=_CALLED)
    if not rows:
        raise StageError(f"{_CALLED}: has no rows; list one scan a line")
    own = set(rows[0]) - {"subject", "session", "label", *channels}
    check_own_columns(_CALLED, own)
    folder = table.parent.absolute()
    return [
        _TableLine(
            where=f"{_CALLED}, line {line}",
            subject=row["subject"],
            session=row.get("session", ""),
            own={name: text for name, text in row.items() if name in own},
            channels={name: folder / row[name] for name in channels if row[name]},
            label=folder / row["label"] if row["label"] else None,
        )
        for line, row in zip(numbered_lines(table), rows, strict=True)
    ]


def _repeated(entries: Sequence[_TableLine]) -> dict[str, str]:
    """Why lines that repeat others are left out, by where they are."""
    groups: dict[tuple[str, object], list[_TableLine]] = defaultdict(list)
    for entry in entries:
        for path in entry.channels.values():
            groups["image file", os.path.realpath(path)].append(entry)
        groups["subject and session", entry.who].append(entry)
        if entry.label:
            groups["label map", os.path.realpath(entry.label)].append(entry)
    reasons: dict[str, str] = {}
    for (what, _), same in groups.items():
        # Sessions of one subject may share a label map, subjects may not.
        shared = what == "label map" and len({entry.subject for entry in same}) == 1
        if len(same) == 1 or shared:
            continue
        lines = ", ".join(entry.where.rpartition(" ")[2] for entry in same)
        for entry in same:
            why = f"duplicate: the same {what} in lines {lines}; keep one"
            reasons.setdefault(entry.where, why)
    return reasons


def _incomplete(entry: _TableLine, channels: Sequence[str]) -> str:
    """Why a line cannot be used as it stands, or nothing."""
    if not entry.subject:
        return "the subject is empty; fill it in"
    if missing := [name for name in channels if name not in entry.channels]:
        return f"no image is named for {missing[0]}; fill in its path"
    if entry.label is None:
        return "no label map is named; fill in its path"
    return ""


def _candidate(entry: _TableLine, subject: str, session: str) -> Candidate:
    """One usable line."""
    if entry.label is None:
        raise ValueError("a usable line has a label map")
    return Candidate(
        where=entry.where,
        scan=scan_id(subject, session, suffix_of(list(entry.channels))),
        subject=subject,
        session=session or None,
        source=NiftiSource(entry.channels, entry.label, entry.own),
    )


def _files(
    entries: Sequence[_TableLine], reasons: Mapping[str, str]
) -> list[InputFile]:
    """The state of every file that the table names; a file named twice counts once."""
    files: dict[Path, InputFile] = {}
    # A file that one line uses is used, even if another line that names it is not.
    for entry in sorted(entries, key=lambda entry: bool(reasons[entry.where])):
        reason = reasons[entry.where]
        state: FileState = "excluded" if reason else "used"
        for path in entry.files:
            file = InputFile(path, state, entry.where, reason or None)
            if not reason and not path.is_file():
                file = replace(file, state="unreadable", reason="does not exist")
            first = files.setdefault(path, file)
            if first is not file and not reason:
                files[path] = replace(first, others=(*first.others, entry.where))
    return list(files.values())
