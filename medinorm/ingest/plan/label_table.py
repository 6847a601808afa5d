"""The table that says which label map belongs to which DICOM series."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.names import clean_name
from medinorm.files.user_tables import TableRow, present, read_user_table
from medinorm.ingest.plan.dicom_entries import DicomEntry
from medinorm.ingest.plan.from_table import check_own_columns
from medinorm.ingest.plan.judge_series import SeriesPart
from medinorm.ingest.plan.table_paths import locate_file, refuse_file

# In messages and tables: the name of the file may name a patient.
_CALLED = "input.labels"
_KEYS = frozenset({"series_uid", "subject", "session", "label"})
NO_LABEL = (
    "no label map belongs to this series; name one in input.labels "
    "or add its DICOM SEG or RTSTRUCT"
)


@dataclass(frozen=True)
class LabelEntry:
    """One line of the table.

    Args:
        where: table and line.
        label: the label map, if the line can be used.
        series: UID of the series that it is about.
        subject: else the subject that it is about.
        session: and which of its sessions, if not all.
        own: the user's own facts.
        problem: why the line cannot be used, empty if it can.
    """

    where: str
    label: Path | None
    series: str | None = None
    subject: str | None = None
    session: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


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
        broken = [entry for entry in entries if entry.problem]
        self._broken = {key for e in broken for key in (e.series, e.subject) if key}
        for entry in entries:
            if entry.problem:
                continue
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

    def has_broken_line(self, series: str, subject: str) -> bool:
        """Whether a line that may be about a series cannot be used."""
        return not self._broken.isdisjoint((series, subject))


def read_label_table(path: Path | None, *, unlabelled: bool = False) -> LabelTable:
    """Read the table; without one there are no lines.

    Args:
        path: columns `label` and `series_uid` or `subject`, optional `session`; all
            others are the user's own facts. Paths are relative to its folder.
        unlabelled: whether a line may name no label map, and only such facts.

    Raises:
        StageError: the table is missing or empty, or its columns are wrong.
    """
    if path is None:
        return LabelTable([])
    optional = ("label",) if unlabelled else ()
    rows = read_user_table(path, ("label",), called=_CALLED, optional=optional)
    if not rows:
        raise StageError(f"{_CALLED}: has no rows; list one label map a line")
    columns = set(rows[0].cells)
    if not {"series_uid", "subject"} & columns:
        raise StageError(f"{_CALLED}: needs a column series_uid or subject")
    check_own_columns(_CALLED, columns - _KEYS)
    folder = path.parent.absolute()
    return LabelTable([_read_line(row, folder, unlabelled=unlabelled) for row in rows])


def _read_line(row: TableRow, folder: Path, *, unlabelled: bool) -> LabelEntry:
    """One line of the table."""
    cells = {name: present(text) for name, text in row.cells.items()}
    named = cells.get("label")
    label = locate_file(folder, named) if named else None
    problem = row.problem
    if not problem and label is None and not unlabelled:
        problem = "no label map is named; fill in its path"
    elif not problem and label is not None and named:
        reason = refuse_file(label, named)
        problem = reason and f"label: {reason}"
    return LabelEntry(
        where=f"{_CALLED}, line {row.line}",
        label=label,
        series=cells.get("series_uid") or None,
        subject=cells.get("subject") or None,
        session=cells.get("session") or None,
        own={name: clean_name(cells[name]) for name in cells if name not in _KEYS},
        problem=problem,
    )


@dataclass(frozen=True)
class SeriesLabel:
    """The label map of a series, if it has one, and what else is known of it.

    Args:
        image_file: NIfTI or another image, if the label table names one.
        annotation: else a SEG or RTSTRUCT.
        own: the user's own facts.
    """

    image_file: Path | None = None
    annotation: Path | None = None
    own: Mapping[str, str] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return self.image_file is not None or self.annotation is not None


@dataclass(frozen=True)
class Refusal:
    """Why a part is left out, and whether that is because something is wrong."""

    reason: str
    wrong: bool = False


@dataclass(frozen=True)
class SeriesLabels:
    """Where label maps may come from.

    Args:
        table: the lines of the label table.
        annotations: SEG and RTSTRUCT of each series.
        unlabelled: whether a series without a label map may be used.
    """

    table: LabelTable
    annotations: Mapping[str, Sequence[Path]]
    unlabelled: bool = False

    def of(self, entry: DicomEntry) -> SeriesLabel | Refusal:
        """The label map of a series, or the reason why there is none to use."""
        lines = self.table.lines_of(entry.series, entry.patient, entry.sessions)
        annotations = self.annotations.get(entry.series, ())
        own = lines[0].own if lines else {}
        named = lines[0].label if lines else None
        if len(lines) > 1 or (named is None and len(annotations) > 1):
            return Refusal("several label maps belong to this series; keep one")
        if named is not None:
            return SeriesLabel(image_file=named, own=own)
        if annotations:
            return SeriesLabel(annotation=annotations[0], own=own)
        if self.unlabelled and not self.table.has_broken_line(
            entry.series, entry.patient
        ):
            return SeriesLabel(own=own)
        return Refusal(NO_LABEL)


def find_labels(
    parts: Sequence[SeriesPart], labels: SeriesLabels
) -> list[SeriesLabel | Refusal]:
    """The label map of each part, or why the part is left out."""
    labels_of_parts = [
        Refusal(series_part.reason, series_part.wrong)
        if series_part.reason
        else labels.of(series_part.first)
        for series_part in parts
    ]
    owners = defaultdict(set)
    for series_part, label in zip(parts, labels_of_parts, strict=True):
        if isinstance(label, SeriesLabel) and label.image_file:
            owners[label.image_file].add(series_part.first.patient)
    shared = {path for path, patients in owners.items() if len(patients) > 1}
    return [
        Refusal("its label map is named for another patient too")
        if isinstance(label, SeriesLabel) and label.image_file in shared
        else label
        for label in labels_of_parts
    ]
