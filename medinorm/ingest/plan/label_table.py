"""The table that says which label map belongs to which DICOM series."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.tables import read_table
from medinorm.ingest.plan.from_table import check_own_columns, numbered_lines

# In messages and tables: the name of the file may name a patient.
_CALLED = "input.labels"
_KEYS = frozenset({"series_uid", "subject", "session", "label"})


@dataclass(frozen=True)
class LabelEntry:
    """One line of the table.

    Args:
        where: table and line.
        label: the label map.
        series: UID of the series that it is about.
        subject: else the subject that it is about.
        session: and which of its sessions, if not all.
        own: the user's own facts.
    """

    where: str
    label: Path
    series: str | None = None
    subject: str | None = None
    session: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)


class LabelTable:
    """The lines of the table, found by series or by subject and session.

    A line with a series UID is about that series only; one with a subject about all
    its series, or those of one session (study UID, study id or study date).

    Args:
        entries: the lines.
    """

    def __init__(self, entries: Sequence[LabelEntry]) -> None:
        self.entries = tuple(entries)
        self._by_series: dict[str, list[LabelEntry]] = defaultdict(list)
        self._by_subject: dict[str, list[LabelEntry]] = defaultdict(list)
        for entry in entries:
            if entry.series:
                self._by_series[entry.series].append(entry)
            elif entry.subject:
                self._by_subject[entry.subject].append(entry)

    def lines_of(
        self, series: str, subject: str, sessions: frozenset[str]
    ) -> list[LabelEntry]:
        """The lines about one series."""
        return self._by_series.get(series, []) + [
            entry
            for entry in self._by_subject.get(subject, [])
            if not entry.session or entry.session in sessions
        ]


def read_label_table(path: Path | None) -> LabelTable:
    """Read the table; without one there are no lines.

    Args:
        path: columns `label` and `series_uid` or `subject`, optional `session`; all
            others are the user's own facts. Paths are relative to its folder.

    Raises:
        StageError: the table is missing or empty, or its columns are wrong.
    """
    if path is None:
        return LabelTable([])
    rows = read_table(path, required=("label",), called=_CALLED)
    if not rows:
        raise StageError(f"{_CALLED}: has no rows; list one label map a line")
    if not {"series_uid", "subject"} & set(rows[0]):
        raise StageError(f"{_CALLED}: needs a column series_uid or subject")
    check_own_columns(_CALLED, set(rows[0]) - _KEYS)
    return LabelTable(
        [
            LabelEntry(
                where=f"{_CALLED}, line {line}",
                label=path.parent.absolute() / row["label"],
                series=row.get("series_uid") or None,
                subject=row.get("subject") or None,
                session=row.get("session") or None,
                own={name: row[name] for name in row if name not in _KEYS},
            )
            for line, row in zip(numbered_lines(path), rows, strict=True)
        ]
    )
