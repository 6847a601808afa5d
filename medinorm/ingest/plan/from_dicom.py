"""Candidate scans from DICOM folders: series, their volumes, their label maps."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medinorm.config import IngestConfig
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.index import IndexRow
from medinorm.ingest.plan.candidates import (
    Candidate,
    DicomSource,
    FileState,
    InputFile,
    Inventory,
    Kind,
    LeftOut,
    excluded,
    quarantined,
)
from medinorm.ingest.plan.copies import A_COPY, leave_out_copies
from medinorm.ingest.plan.dicom_entries import DicomEntry, sort_rows
from medinorm.ingest.plan.from_table import scan_id
from medinorm.ingest.plan.judge_series import SeriesPart, find_parts
from medinorm.ingest.plan.label_table import LabelEntry, LabelTable, read_label_table

_SERIES_LENGTH = 8  # characters of a series' pseudonym
_PART_LENGTH = 4
# What may become of a file, the best first.
_RANKS: tuple[Kind, ...] = ("dicom", "quarantined", "excluded")


@dataclass(frozen=True)
class _Label:
    """The label map of a series.

    Args:
        image_file: NIfTI or another image, if the label table names one.
        annotation: else a SEG or RTSTRUCT.
        own: the user's own facts.
    """

    image_file: Path | None = None
    annotation: Path | None = None
    own: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Refusal:
    """Why a part is left out, and whether that is because something is wrong."""

    reason: str
    wrong: bool = False


@dataclass(frozen=True)
class _Labels:
    """Where label maps may come from."""

    table: LabelTable
    annotations: Mapping[str, Sequence[Path]]

    def of(self, entry: DicomEntry) -> _Label | _Refusal:
        """The label map of a series, or the reason why there is none to use."""
        lines = self.table.lines_of(entry.series, entry.patient, entry.sessions)
        annotations = self.annotations.get(entry.series, ())
        if len(lines) > 1 or (not lines and len(annotations) > 1):
            return _Refusal("several label maps belong to this series; keep one")
        if lines:
            return _Label(image_file=lines[0].label, own=lines[0].own)
        if annotations:
            return _Label(annotation=annotations[0])
        return _Refusal(
            "no label map belongs to this series; name one in input.labels "
            "or add its DICOM SEG or RTSTRUCT"
        )


def find_dicom_scans(
    index: Sequence[IndexRow],
    labels: Path | None,
    suffix: str,
    pseudonyms: Pseudonyms,
    ingest: IngestConfig | None = None,
) -> Inventory:
    """Find the series that may be scans among the files of an index.

    Pixels are read only where several slices lie at one place. A series that holds
    several volumes is divided into parts, each a candidate; see `divide_series`. What
    is no image or no even stack is left out with a reason.

    Args:
        index: what is known of each file.
        labels: table of label maps, or ``None``.
        suffix: last part of the ids.
        pseudonyms: for subjects, sessions and series.
        ingest: what is selected, and what is done about an odd geometry.

    Raises:
        StageError: the label table is wrong.
    """
    entries, not_dicom = sort_rows(index)
    images = [entry for entry in entries if entry.refers_to is None]
    marked = leave_out_copies(e for e in entries if e.refers_to is not None)
    annotation_entries = marked.entries
    annotations = defaultdict(list)
    for entry in annotation_entries:
        annotations[entry.refers_to or ""].append(entry.path)
    labels_of = _Labels(read_label_table(labels), annotations)
    parts = find_parts(images, ingest or IngestConfig())
    candidates = _candidates(parts, labels_of, suffix, pseudonyms)
    label_files = _label_files(candidates, annotation_entries, labels_of.table.entries)
    return Inventory(
        candidates=[*candidates, *_unmatched(labels_of.table, images)],
        files=[
            *not_dicom,
            *_files(parts, candidates),
            *label_files,
            *_copies([*marked.copies.values(), *(own.copies for own in parts)]),
        ],
        series={
            candidate.source.files: [entry.path for entry in series_part.entries]
            for series_part, candidate in zip(parts, candidates, strict=True)
            if isinstance(candidate, Candidate)
            and isinstance(candidate.source, DicomSource)
        },
    )


def _copies(groups: Iterable[Iterable[Path]]) -> list[InputFile]:
    """The state of files that repeat others; one of many frames is named once."""
    paths = dict.fromkeys(path for group in groups for path in group)
    return [InputFile(path, "excluded", reason=A_COPY) for path in paths]


def _unmatched(table: LabelTable, images: Sequence[DicomEntry]) -> list[LeftOut]:
    """Lines of the label table that are about no series."""
    keys = {(entry.series, entry.patient, entry.sessions) for entry in images}
    matched = {line.where for key in keys for line in table.lines_of(*key)}
    return [
        excluded(
            line.where,
            line.problem or "no DICOM series fits this line; correct its key",
        )
        for line in table.entries
        if line.where not in matched
    ]


def _candidates(
    parts: Sequence[SeriesPart], labels: _Labels, suffix: str, pseudonyms: Pseudonyms
) -> list[Candidate | LeftOut]:
    """One candidate for each part, in the same order."""
    usable = [series_part.first for series_part in parts if not series_part.reason]
    subjects = pseudonyms.subjects(entry.patient for entry in usable)
    labels_of_parts = [
        _Refusal(series_part.reason, series_part.wrong)
        if series_part.reason
        else labels.of(series_part.first)
        for series_part in parts
    ]
    owners = defaultdict(set)
    for series_part, label in zip(parts, labels_of_parts, strict=True):
        if isinstance(label, _Label) and label.image_file:
            owners[label.image_file].add(series_part.first.patient)
    candidates: list[Candidate | LeftOut] = []
    for series_part, label in zip(parts, labels_of_parts, strict=True):
        name = _name(series_part, pseudonyms)
        if isinstance(label, _Refusal):
            leave = quarantined if label.wrong else excluded
            candidates.append(leave(f"series {name}", label.reason))
        elif label.image_file and len(owners[label.image_file]) > 1:
            reason = "its label map is named for another patient too"
            candidates.append(excluded(f"series {name}", reason))
        else:
            # Nobody recognizes the UID of a DICOM study: always a pseudonym.
            session = pseudonyms.name(
                "session", series_part.first.patient, series_part.first.study
            )
            names = _SeriesNames(name, subjects[series_part.first.patient], session)
            candidates.append(_candidate(series_part, label, names, suffix))
    return candidates


@dataclass(frozen=True)
class _SeriesNames:
    """What a part is called: its series, subject and session."""

    series: str
    subject: str
    session: str


def _candidate(
    series_part: SeriesPart, label: _Label, names: _SeriesNames, suffix: str
) -> Candidate:
    """The candidate that one part makes with its label map."""
    scan = scan_id(names.subject, names.session, f"acq-{names.series}", suffix)
    numbers = series_part.numbers
    source = DicomSource(
        files=f"{scan}.json",
        label=label.image_file,
        annotation=label.annotation,
        columns=label.own,
        notes=tuple(series_part.notes),
        frames=None
        if numbers is None
        else tuple(tuple(numbers[entry.path]) for entry in series_part.entries),
    )
    where = f"series {names.series}"
    return Candidate(where, scan, names.subject, names.session, source)


def _name(series_part: SeriesPart, pseudonyms: Pseudonyms) -> str:
    """Pseudonym of a series, and of the part if there are several.

    It stays when other series are added.
    """
    name = pseudonyms.name("series", series_part.first.series, length=_SERIES_LENGTH)
    if not series_part.key:
        return name
    return f"{name}x{pseudonyms.name('part', series_part.key, length=_PART_LENGTH)}"


def _files(
    parts: Sequence[SeriesPart], candidates: Sequence[Candidate | LeftOut]
) -> list[InputFile]:
    """The state of the files of all parts; a file may hold frames of several."""
    users: dict[Path, list[tuple[SeriesPart, Candidate | LeftOut]]] = defaultdict(list)
    for series_part, candidate in zip(parts, candidates, strict=True):
        for entry in series_part.entries:
            users[entry.path].append((series_part, candidate))
    return [_file(path, own) for path, own in users.items()]


def _file(
    path: Path, users: Sequence[tuple[SeriesPart, Candidate | LeftOut]]
) -> InputFile:
    """The state of one file: that of the best volume it belongs to."""
    ranked = sorted(users, key=lambda user: _RANKS.index(user[1].kind))
    series_part, best = ranked[0]
    others = tuple(other.where for _, other in ranked[1:] if other.kind == best.kind)
    if isinstance(best, LeftOut):
        state: FileState = "quarantined" if best.kind == "quarantined" else "excluded"
        return InputFile(path, state, best.where, best.reason, others)
    state = "part" if series_part.key else "used"
    return InputFile(path, state, best.where, others=others)


def _label_files(
    candidates: Sequence[Candidate | LeftOut],
    annotation_entries: Sequence[DicomEntry],
    table: Sequence[LabelEntry],
) -> list[InputFile]:
    """The state of annotations and of the label maps in the table."""
    users = {
        path: candidate.where
        for candidate in candidates
        if isinstance(candidate, Candidate)
        and isinstance(candidate.source, DicomSource)
        for path in (candidate.source.label, candidate.source.annotation)
        if path
    }
    files = []
    for path in dict.fromkeys(
        [e.path for e in annotation_entries] + [t.label for t in table if t.label]
    ):
        if where := users.get(path):
            files.append(InputFile(path, "used", where))
        else:
            reason = "a label map that belongs to no usable series, or to one twice"
            files.append(InputFile(path, "excluded", reason=reason))
    return files
