"""Candidate scans from a table of image files."""

import logging
import os
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.names import choose_spellings, clean_name
from medinorm.files.records import column_names
from medinorm.files.user_tables import TableRow, present, read_user_table
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms, bids_label
from medinorm.ingest.plan.candidates import (
    Candidate,
    FileState,
    InputFile,
    Inventory,
    NiftiSource,
    excluded,
)
from medinorm.ingest.plan.table_paths import locate_file, refuse_file
from medinorm.records.scans import IDENTITY_COLUMNS, ScanRow

# Columns of scans.tsv that a user's column may not replace.
_RESERVED = {*column_names(ScanRow), "reason"} - {*IDENTITY_COLUMNS}
# In messages and tables: the name of the file may name a patient.
_CALLED = "input.scans"
_LINES_SHOWN = 12
_REMEDIES = {
    "image file": "keep one",
    "label map": "keep one",
    "subject and session": "keep one; tell two visits apart by a column session, and "
    "two people by their subject, such as with the site before it",
}

# A number as a spreadsheet, BIDS or a person writes it.
_NUMBER = re.compile(r"""["']?(?:sub-)?0*([0-9]+)(?:\.0+)?["']?""", re.IGNORECASE)

_log = logging.getLogger(__name__)


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
        problem: why the line cannot be used, empty if it can.
    """

    where: str
    subject: str
    session: str
    own: Mapping[str, str]
    channels: Mapping[str, Path]
    label: Path | None
    problem: str = ""

    @property
    def who(self) -> tuple[str, str]:
        """Subject and session."""
        return self.subject, self.session

    @property
    def files(self) -> list[Path]:
        """Images, then the label map."""
        return [*self.channels.values(), *filter(None, [self.label])]


def find_table_scans(
    table: Path,
    channels: Sequence[str],
    pseudonyms: Pseudonyms,
    *,
    unlabelled: bool = False,
) -> Inventory:
    """Read a table with one scan a line.

    Lines that repeat a scan or a file are left out with a reason, all of them: which
    one is right cannot be known.

    Args:
        table: columns `subject`, optional `session`, one for each channel, `label`,
            which may be absent if scans need none; all others are the user's own
            facts. Paths are relative to its folder.
        channels: names of the image columns.
        pseudonyms: for subjects and sessions.
        unlabelled: whether a scan without a label map may be used.

    Raises:
        StageError: the table is missing or empty, or its columns are wrong.
    """
    entries = _one_spelling(_read_entries(table, channels, unlabelled=unlabelled))
    readable = [entry for entry in entries if not entry.problem]
    reasons = _alike(readable, pseudonyms) | _repeated(readable)
    reasons |= _same_number(readable)
    for entry in entries:
        wrong = entry.problem or _incomplete(entry, channels, unlabelled=unlabelled)
        reasons.setdefault(entry.where, wrong)
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


def _read_entries(
    table: Path, channels: Sequence[str], *, unlabelled: bool
) -> list[_TableLine]:
    """The lines of the table.

    Raises:
        StageError: see `find_table_scans`.
    """
    required = ("subject", *channels, "label")
    rows = read_user_table(
        table, required, called=_CALLED, optional=("label",) if unlabelled else ()
    )
    if not rows:
        raise StageError(f"{_CALLED}: has no rows; list one scan a line")
    own = set(rows[0].cells) - {"subject", "session", "label", *channels}
    check_own_columns(_CALLED, own)
    folder = table.parent.absolute()
    return [_read_line(row, channels, own, folder) for row in rows]


def _read_line(
    row: TableRow, channels: Sequence[str], own: Collection[str], folder: Path
) -> _TableLine:
    """One line of the table."""
    cells = {name: present(text) for name, text in row.cells.items()}
    files = {
        name: locate_file(folder, cells[name])
        for name in (*channels, "label")
        if cells.get(name)
    }
    wrong = (
        f"{name}: {reason}"
        for name, path in files.items()
        if (reason := refuse_file(path, cells[name]))
    )
    return _TableLine(
        where=f"{_CALLED}, line {row.line}",
        subject=cells["subject"],
        session=cells.get("session", ""),
        own={name: clean_name(cells[name]) for name in cells if name in own},
        channels={name: files[name] for name in channels if name in files},
        label=files.get("label"),
        problem=row.problem or next(wrong, ""),
    )


def _one_spelling(entries: Sequence[_TableLine]) -> list[_TableLine]:
    """The lines, in which each subject and each of its sessions has one spelling.

    One subject under two spellings could be trained on and tested on.
    """
    subjects = choose_spellings([entry.subject for entry in entries])
    spelt = [replace(entry, subject=subjects[entry.subject]) for entry in entries]
    by_subject: dict[str, list[str]] = defaultdict(list)
    for entry in spelt:
        by_subject[entry.subject].append(entry.session)
    sessions = {who: choose_spellings(own) for who, own in by_subject.items()}
    if changed := sum(text != subject for text, subject in subjects.items()):
        _log.warning(
            "%s: %d subjects are spelt in several ways (capitals, blanks, hyphens); "
            "each is taken for one",
            *(_CALLED, changed),
        )
    return [
        replace(entry, session=sessions[entry.subject][entry.session])
        for entry in spelt
    ]


def _repeated(entries: Sequence[_TableLine]) -> dict[str, str]:
    """Why lines that repeat others are left out, by where they are."""
    groups: dict[tuple[str, object], list[_TableLine]] = defaultdict(list)
    for entry in entries:
        for path in entry.channels.values():
            groups["image file", os.path.realpath(path)].append(entry)
        if entry.subject:
            groups["subject and session", entry.who].append(entry)
        if entry.label:
            groups["label map", os.path.realpath(entry.label)].append(entry)
    reasons: dict[str, str] = {}
    for (what, _), same in groups.items():
        # Sessions of one subject may share a label map, subjects may not.
        shared = what == "label map" and len({entry.subject for entry in same}) == 1
        if len(same) == 1 or shared:
            continue
        lines = [entry.where.rpartition(" ")[2] for entry in same]
        some = ", ".join(lines[:_LINES_SHOWN]) + " ..." * (len(lines) > _LINES_SHOWN)
        for entry in same:
            why = f"duplicate: the same {what} in lines {some}; {_REMEDIES[what]}"
            reasons.setdefault(entry.where, why)
    return reasons


def _alike(entries: Sequence[_TableLine], pseudonyms: Pseudonyms) -> dict[str, str]:
    """Why lines are left out whose names would be the same in names of files."""
    if not pseudonyms.keep:
        return {}  # no two pseudonyms are the same
    names: dict[tuple[str, ...], list[_TableLine]] = defaultdict(list)
    for entry in filter(lambda entry: entry.subject, entries):
        subject = pseudonyms.label("subject", entry.subject).casefold()
        names[(subject,)].append(entry)
        if entry.session:
            session = pseudonyms.label("session", *entry.who).casefold()
            names[subject, session].append(entry)
    reasons: dict[str, str] = {}
    for key, same in names.items():
        if len({entry.who[: len(key)] for entry in same}) > 1:
            what = ("subject", "session")[len(key) - 1]
            why = f"another {what} has the same letters and digits; rename one of them"
            reasons |= {entry.where: why for entry in same}
    return reasons


def _same_number(entries: Sequence[_TableLine]) -> dict[str, str]:
    """Why lines are left out whose subjects are one number: 1, 01, 1.0, sub-1.

    One person under two numbers could be trained on and tested on.
    """
    numbers: dict[str, list[_TableLine]] = defaultdict(list)
    for entry in entries:
        if number := _NUMBER.fullmatch(entry.subject):
            numbers[number[1]].append(entry)
    why = (
        "another subject has the same number in other digits, such as 1 and 01; write "
        "both in one way, or tell two people apart"
    )
    return {
        entry.where: why
        for same in numbers.values()
        if len({entry.subject for entry in same}) > 1
        for entry in same
    }


def _incomplete(entry: _TableLine, channels: Sequence[str], *, unlabelled: bool) -> str:
    """Why a line cannot be used as it stands, or nothing."""
    if not entry.subject:
        return "the subject is empty; fill it in"
    if missing := [name for name in channels if name not in entry.channels]:
        return f"no image is named for {missing[0]}; fill in its path"
    if entry.label is None and not unlabelled:
        return "no label map is named; fill in its path"
    return ""


def _candidate(entry: _TableLine, subject: str, session: str) -> Candidate:
    """One usable line."""
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
