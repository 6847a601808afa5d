"""Candidate scans from DICOM folders: series, what they fall into, their labels."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medinorm.config import IngestConfig
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.index import IndexRow
from medinorm.ingest.plan.candidates import (
    Candidate,
    FileState,
    InputFile,
    Inventory,
    excluded,
    quarantined,
)
from medinorm.ingest.plan.dicom_entries import Entry, sort_rows
from medinorm.ingest.plan.dicom_parts import SeriesPart, find_parts
from medinorm.ingest.plan.from_table import scan_id
from medinorm.ingest.plan.label_table import LabelEntry, LabelTable, read_label_table

_SERIES_LENGTH = 8  # characters of a series' pseudonym
_PART_LENGTH = 4


@dataclass(frozen=True)
class _Labels:
    """Where label maps may come from."""

    table: LabelTable
    segmentations: Mapping[str, Sequence[Path]]

    def of(self, entry: Entry) -> dict[str, Any]:
        """The label map of a series, or the reason why there is none to use."""
        lines = self.table.lines_of(entry.series, entry.patient, entry.sessions)
        drawn = self.segmentations.get(entry.series, ())
        if len(lines) > 1 or (not lines and len(drawn) > 1):
            return {"reason": "several label maps belong to this series; keep one"}
        if lines:
            return {"label": str(lines[0].label), "columns": lines[0].columns}
        if drawn:
            return {"segmentation": str(drawn[0]), "columns": {}}
        return {
            "reason": "no label map belongs to this series; name one in input.labels "
            "or add its DICOM SEG or RTSTRUCT"
        }


def find_dicom_scans(
    index: Sequence[IndexRow],
    labels: Path | None,
    suffix: str,
    pseudonyms: Pseudonyms,
    ingest: IngestConfig | None = None,
) -> Inventory:
    """Find the series that may be scans among the files of an index.

    Pixels are read only of slices that lie on one another. A series that holds
    several volumes falls into parts, each a candidate; see `divide_series`. What is no
    image or no even stack is left out with a reason.

    Args:
        index: what is known of each file.
        labels: table of label maps, or ``None``.
        suffix: last part of the ids.
        pseudonyms: for subjects, sessions and series.
        ingest: what is selected, and what is done about an odd geometry.

    Raises:
        StageError: the label table is wrong.
    """
    entries, strays = sort_rows(index)
    images = [entry for entry in entries if entry.refers_to is None]
    drawn = [entry for entry in entries if entry.refers_to is not None]
    segmentations = defaultdict(list)
    for entry in drawn:
        segmentations[entry.refers_to or ""].append(entry.path)
    sources = _Labels(read_label_table(labels), segmentations)
    parts = find_parts(images, ingest or IngestConfig())
    candidates = _candidates(parts, sources, suffix, pseudonyms)
    label_files = _label_files(candidates, drawn, sources.table.entries)
    files = [*strays, *_files(parts, candidates), *label_files]
    return Inventory([*candidates, *_unmatched(sources.table, images)], files)


def _unmatched(table: LabelTable, images: Sequence[Entry]) -> list[Candidate]:
    """Lines of the label table that are about no series."""
    keys = {(entry.series, entry.patient, entry.sessions) for entry in images}
    matched = {line.where for key in keys for line in table.lines_of(*key)}
    return [
        excluded(line.where, "no DICOM series fits this line; correct its key")
        for line in table.entries
        if line.where not in matched
    ]


def _candidates(
    parts: Sequence[SeriesPart], labels: _Labels, suffix: str, pseudonyms: Pseudonyms
) -> list[Candidate]:
    """One candidate for each part, in the same order."""
    usable = [part.first for part in parts if not part.reason]
    subjects = pseudonyms.subjects(entry.patient for entry in usable)
    found = [
        {"reason": part.reason, "wrong": part.wrong}
        if part.reason
        else labels.of(part.first)
        for part in parts
    ]
    owners = defaultdict(set)
    for part, source in zip(parts, found, strict=True):
        owners[source.get("label")].add(part.first.patient)
    shared = {
        label for label, patients in owners.items() if label and len(patients) > 1
    }
    foreign = {"reason": "its label map is named for another patient too"}
    return [
        _candidate(
            part,
            foreign if source.get("label") in shared else source,
            subjects,
            suffix,
            pseudonyms,
        )
        for part, source in zip(parts, found, strict=True)
    ]


def _candidate(
    part: SeriesPart,
    source: Mapping[str, Any],
    subjects: Mapping[str, str],
    suffix: str,
    pseudonyms: Pseudonyms,
) -> Candidate:
    """The candidate that one part makes with its label map."""
    name = _name(part, pseudonyms)
    if "reason" in source:
        leave = quarantined if source.get("wrong") else excluded
        return leave(f"series {name}", source["reason"])
    subject = subjects[part.first.patient]
    # The UID of a DICOM study says nothing to a person: always a pseudonym.
    session = pseudonyms.name("session", part.first.patient, part.first.study)
    return Candidate(
        kind="dicom",
        where=f"series {name}",
        scan=scan_id(subject, session, f"acq-{name}", suffix),
        subject=subject,
        session=session,
        source={**source, **_stored(part)},
    )


def _name(part: SeriesPart, pseudonyms: Pseudonyms) -> str:
    """Pseudonym of a series, and of the part if there are several.

    It stays when other series are added.
    """
    name = pseudonyms.name("series", part.first.series, length=_SERIES_LENGTH)
    if not part.key:
        return name
    return f"{name}x{pseudonyms.name('part', part.key, length=_PART_LENGTH)}"


def _stored(part: SeriesPart) -> dict[str, Any]:
    """Where the frames of a part are: its files, and which frames if not all."""
    paths = [entry.path for entry in part.entries]
    files = {"files": [str(path) for path in paths]}
    if part.numbers is None:
        return files
    return {**files, "frames": [list(part.numbers[path]) for path in paths]}


def _files(
    parts: Sequence[SeriesPart], candidates: Sequence[Candidate]
) -> list[InputFile]:
    """The state of the files of all parts; a file may hold frames of several."""
    users: dict[Path, list[tuple[SeriesPart, Candidate]]] = defaultdict(list)
    for part, candidate in zip(parts, candidates, strict=True):
        for entry in part.entries:
            users[entry.path].append((part, candidate))
    return [_file(path, found) for path, found in users.items()]


def _file(path: Path, users: Sequence[tuple[SeriesPart, Candidate]]) -> InputFile:
    """The state of one file; that of the best of the volumes it has a part in."""
    order = ("dicom", "quarantined", "excluded")
    ranked = sorted(users, key=lambda user: order.index(user[1].kind))
    part, candidate = ranked[0]
    others = tuple(
        other.where for _, other in ranked[1:] if other.kind == candidate.kind
    )
    if candidate.kind == "dicom":
        state: FileState = "part" if part.key else "used"
        return InputFile(path, state, candidate.where, others=others)
    left: FileState = "quarantined" if candidate.kind == "quarantined" else "excluded"
    return InputFile(path, left, candidate.where, candidate.source["reason"], others)


def _label_files(
    candidates: Sequence[Candidate],
    drawn: Sequence[Entry],
    table: Sequence[LabelEntry],
) -> list[InputFile]:
    """The state of segmentations and of the label maps in the table."""
    users = {
        candidate.source[key]: candidate.where
        for candidate in candidates
        for key in ("label", "segmentation")
        if key in candidate.source
    }
    files = []
    for path in dict.fromkeys([e.path for e in drawn] + [t.label for t in table]):
        if where := users.get(str(path)):
            files.append(InputFile(path, "used", where))
        else:
            reason = "a label map that belongs to no usable series, or to one twice"
            files.append(InputFile(path, "excluded", reason=reason))
    return files
