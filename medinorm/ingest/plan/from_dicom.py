"""Candidate scans from DICOM folders: series, their volumes, their label maps."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medinorm.config import IngestConfig, SelectRule
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.index import IndexRow
from medinorm.ingest.plan.candidates import (
    Candidate,
    ChannelSource,
    DicomSource,
    FileState,
    InputFile,
    Inventory,
    Kind,
    LeftOut,
    excluded,
    quarantined,
)
from medinorm.ingest.plan.choose_channels import (
    ChannelOption,
    channel_of,
    choose_channels,
)
from medinorm.ingest.plan.copies import A_COPY, leave_out_copies
from medinorm.ingest.plan.dicom_entries import DicomEntry, sort_rows
from medinorm.ingest.plan.from_table import scan_id
from medinorm.ingest.plan.judge_series import SeriesPart, find_parts
from medinorm.ingest.plan.label_table import (
    NO_LABEL,
    LabelEntry,
    LabelTable,
    Refusal,
    SeriesLabel,
    SeriesLabels,
    find_labels,
    read_label_table,
)

_SERIES_LENGTH = 8  # characters of a series' pseudonym
_PART_LENGTH = 4
_OTHER_LABELLED = (
    "no label map belongs to this series, but one to another of its session; name one "
    "in input.labels, or choose series in ingest.select"
)
# What may become of a file, the best first.
_RANKS: tuple[Kind, ...] = ("dicom", "quarantined", "excluded")


def find_dicom_scans(  # noqa: PLR0913  (where scans and label maps come from)
    index: Sequence[IndexRow],
    labels: Path | None,
    suffix: str,
    pseudonyms: Pseudonyms,
    ingest: IngestConfig | None = None,
    channels: Sequence[str] = (),
    *,
    unlabelled: bool = False,
) -> Inventory:
    """Find the series that may be scans among the files of an index.

    Pixels are read only where several slices lie at one place. A series that holds
    several volumes is divided into parts, each a candidate; see `divide_series`. What
    is no image or no even stack is left out with a reason. In a study of several
    channels a session is a candidate; see `choose_channels`.

    Args:
        index: what is known of each file.
        labels: table of label maps, or ``None``.
        suffix: last part of the ids.
        pseudonyms: for subjects, sessions and series.
        ingest: what is selected, and what is done about an odd geometry.
        channels: of the study.
        unlabelled: whether a scan without a label map may be used. One of a session in
            which another series has one is left out: it has another contrast.

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
    table = read_label_table(labels, unlabelled=unlabelled)
    labels_of = SeriesLabels(table, annotations, unlabelled)
    ingest = ingest or IngestConfig()
    parts = find_parts(images, ingest)
    rows = _rows(parts, find_labels(parts, labels_of), suffix, pseudonyms)
    if len(channels) > 1:
        candidates = rows.of_sessions(channels, ingest.select)
    else:
        candidates = rows.of_series()
    label_files = _label_files(candidates, annotation_entries, labels_of.table.entries)
    # The series of a session share a row.
    once = {id(row): row for row in candidates}.values()
    return Inventory(
        candidates=[*once, *_unmatched(labels_of.table, images)],
        files=[
            *not_dicom,
            *_files(parts, candidates),
            *label_files,
            *_copies([*marked.copies.values(), *(own.copies for own in parts)]),
        ],
        series={
            _list_name(series_part, candidate.source, ingest.select): [
                entry.path for entry in series_part.entries
            ]
            for series_part, candidate in zip(parts, candidates, strict=True)
            if isinstance(candidate, Candidate)
            and isinstance(candidate.source, DicomSource)
        },
    )


def _list_name(
    series_part: SeriesPart, source: DicomSource, rules: Sequence[SelectRule]
) -> str:
    """Name of the list of files of a part."""
    channel = channel_of(series_part, rules)
    other = source.others.get(channel or "")
    return other.files if other else source.files


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


def _rows(
    parts: Sequence[SeriesPart],
    labels: Sequence[SeriesLabel | Refusal],
    suffix: str,
    pseudonyms: Pseudonyms,
) -> "_Rows":
    """What the rows of the plan are made from."""
    usable = [series_part.first for series_part in parts if not series_part.reason]
    subjects = pseudonyms.subjects(entry.patient for entry in usable)
    return _Rows(parts, labels, suffix, pseudonyms, subjects)


@dataclass(frozen=True)
class _Rows:
    """Makes the rows of the plan, one for each part and in the same order.

    Args:
        parts: of all series.
        labels: of each part, or why it is left out.
        suffix: last part of the ids.
        pseudonyms: for sessions and series.
        subjects: name of each patient.
    """

    parts: Sequence[SeriesPart]
    labels: Sequence[SeriesLabel | Refusal]
    suffix: str
    pseudonyms: Pseudonyms
    subjects: Mapping[str, str]

    def of_series(self) -> list[Candidate | LeftOut]:
        """One candidate for each part."""
        rows: list[Candidate | LeftOut] = []
        labelled = {
            _session_of(series_part)
            for series_part, label in zip(self.parts, self.labels, strict=True)
            if _has_label(label)
        }
        for series_part, own in zip(self.parts, self.labels, strict=True):
            series, label = _name(series_part, self.pseudonyms), own
            if not _has_label(own) and _session_of(series_part) in labelled:
                label = own if isinstance(own, Refusal) else Refusal(_OTHER_LABELLED)
            if isinstance(label, Refusal):
                rows.append(_left_out(series, label))
                continue
            where, entity = f"series {series}", f"acq-{series}"
            rows.append(self._candidate(where, [entity], label, {"": series_part}))
        return rows

    def of_sessions(
        self, channels: Sequence[str], rules: Sequence[SelectRule]
    ) -> list[Candidate | LeftOut]:
        """One candidate for each session, which the parts that it uses share."""
        sessions: dict[object, list[int]] = defaultdict(list)
        for number, series_part in enumerate(self.parts):
            sessions[_session_of(series_part)].append(number)
        rows: dict[int, Candidate | LeftOut] = {}
        for numbers in sessions.values():
            options = {
                number: ChannelOption(
                    channel_of(self.parts[number], rules),
                    self.parts[number],
                    _has_label(self.labels[number]),
                )
                for number in numbers
            }
            rows |= self._session(options, choose_channels(options, channels))
        return [rows[number] for number in range(len(self.parts))]

    def _session(
        self, options: Mapping[int, ChannelOption], choice: Mapping[str, int] | str
    ) -> dict[int, Candidate | LeftOut]:
        """The rows of the parts of one session, by their number."""
        own = self._session_row(options, choice)
        used = () if isinstance(choice, str) else choice.values()
        rows = dict.fromkeys(options, own)
        for number, option in options.items():
            reason, wrong = option.series_part.reason, option.series_part.wrong
            if not reason and isinstance(own, Candidate) and number not in used:
                reason = f"another series of the session is channel {option.channel}"
            if reason:
                name = _name(option.series_part, self.pseudonyms)
                rows[number] = _left_out(name, Refusal(reason, wrong))
        return rows

    def _session_row(
        self, options: Mapping[int, ChannelOption], choice: Mapping[str, int] | str
    ) -> Candidate | LeftOut:
        """The candidate of a session, or why there is none."""
        series_part = next(iter(options.values())).series_part
        where = f"session {self._session_name(series_part)}"
        if isinstance(choice, str):
            return excluded(where, choice)
        label = self._label_of(list(choice.values()))
        if isinstance(label, Refusal):
            return excluded(where, label.reason)
        series = {name: self.parts[number] for name, number in choice.items()}
        return self._candidate(where, [], label, series)

    def _label_of(self, used: Sequence[int]) -> SeriesLabel | Refusal:
        """The label map of a session: that of the first channel which has one."""
        none = Refusal(NO_LABEL)
        labels = [self.labels[number] for number in used]
        known = [label for label in labels if _has_label(label)]
        known += [label for label in labels if label != none]
        return next(iter(known), none)

    def _session_name(self, series_part: SeriesPart) -> str:
        """Nobody recognizes the UID of a DICOM study: always a pseudonym."""
        first = series_part.first
        return self.pseudonyms.name("session", first.patient, first.study)

    def _candidate(
        self,
        where: str,
        entities: Sequence[str],
        label: SeriesLabel,
        series: Mapping[str, SeriesPart],
    ) -> Candidate:
        """The candidate of parts, one a channel in the study's order."""
        (_, own), *others = series.items()
        subject, session = self.subjects[own.first.patient], self._session_name(own)
        scan = scan_id(subject, session, *entities, self.suffix)
        first = _channel_source(f"{scan}.json", own)
        source = DicomSource(
            files=first.files,
            label=label.image_file,
            annotation=label.annotation,
            columns=label.own,
            notes=first.notes,
            frames=first.frames,
            others={
                name: _channel_source(f"{scan}_{name}.json", series_part)
                for name, series_part in others
            },
        )
        return Candidate(where, scan, subject, session, source)


def _session_of(series_part: SeriesPart) -> tuple[str, str]:
    """Patient and DICOM study of a part."""
    return series_part.first.patient, series_part.first.study


def _has_label(label: SeriesLabel | Refusal) -> bool:
    """Whether a label map belongs to a part."""
    return isinstance(label, SeriesLabel) and label.exists


def _left_out(series: str, refusal: Refusal) -> LeftOut:
    """The row of a series that is not used."""
    leave = quarantined if refusal.wrong else excluded
    return leave(f"series {series}", refusal.reason)


def _channel_source(files: str, series_part: SeriesPart) -> ChannelSource:
    """Where one channel is: a list of files of this name, and frames in them."""
    numbers = series_part.numbers
    return ChannelSource(
        files=files,
        notes=tuple(series_part.notes),
        frames=None
        if numbers is None
        else tuple(tuple(numbers[entry.path]) for entry in series_part.entries),
    )


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
