"""Candidate scans from DICOM folders: series, what they fall into, their labels."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medinorm.ingest.candidates import Candidate, InputFile, Inventory, excluded
from medinorm.ingest.dicom_index import Entry, index_folders
from medinorm.ingest.label_table import LabelEntry, LabelTable, read_label_table
from medinorm.ingest.pseudonyms import Pseudonyms
from medinorm.ingest.table_source import scan_id

_SERIES_LENGTH = 8  # characters of a series' pseudonym
_SAME_DIRECTION = 1e-3  # as in `geometry`


@dataclass(frozen=True)
class _Part:
    """Files of one series that should make one volume, or are left out together.

    Args:
        entries: the files' headers.
        number: which part of its series, from 1.
        reason: why it is left out.
    """

    entries: Sequence[Entry]
    number: int
    reason: str

    @property
    def first(self) -> Entry:
        """The file that stands for all where they agree."""
        return self.entries[0]

    def name(self, pseudonyms: Pseudonyms) -> str:
        """Pseudonym of the series, and which part of it."""
        name = pseudonyms.name("series", self.first.series, length=_SERIES_LENGTH)
        return name if self.number == 1 else f"{name}p{self.number}"


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
            "or add its DICOM SEG"
        }


def find_dicom_scans(
    folders: Sequence[Path],
    labels: Path | None,
    suffix: str,
    pseudonyms: Pseudonyms,
) -> Inventory:
    """Walk through folders and find the series that may be scans.

    Only headers are read. A series with several slices at one place falls into parts by
    image type, echo time, b-value and size; each part is a candidate. What is no image
    is left out with a reason.

    Args:
        folders: searched with all folders inside; links to folders are not followed.
        labels: table of label maps, or ``None``.
        suffix: last part of the ids.
        pseudonyms: for subjects, sessions and series.

    Raises:
        StageError: a folder is missing, or the label table is wrong.
    """
    entries, strays = index_folders(folders)
    images = [entry for entry in entries if entry.refers_to is None]
    drawn = [entry for entry in entries if entry.refers_to is not None]
    segmentations = defaultdict(list)
    for entry in drawn:
        segmentations[entry.refers_to or ""].append(entry.path)
    sources = _Labels(read_label_table(labels), segmentations)
    parts = _parts(images)
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


def _parts(images: Sequence[Entry]) -> list[_Part]:
    """Series, divided where they hold several volumes or other things."""
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in images:
        groups[entry.series, entry.reason].append(entry)
    parts: list[_Part] = []
    counts: dict[str, int] = defaultdict(int)
    for (series, reason), entries in sorted(groups.items()):
        for members in [entries] if reason else _volumes(entries):
            counts[series] += 1
            problem = reason or _contradiction(members)
            parts.append(_Part(members, counts[series], problem))
    return parts


def _volumes(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Files of one series by image type, echo time, b-value and size.

    A series whose slices all lie at places of their own is not divided: the parts would
    be volumes with holes. Neither are files that do not lie parallel, so that the
    geometry check names that and not what follows from it.
    """
    places = {entry.position for entry in entries}
    directions = [entry.direction for entry in entries if entry.direction]
    single = None not in places and len(places) == len(entries)
    if single or (directions and np.ptp(directions, axis=0).max() > _SAME_DIRECTION):
        return [list(entries)]
    volumes = defaultdict(list)
    for entry in entries:
        volumes[entry.split_key].append(entry)
    return [volumes[key] for key in sorted(volumes)]


def _contradiction(entries: Sequence[Entry]) -> str:
    """Why files of one series cannot belong together, or nothing."""
    if len({(entry.patient, entry.study) for entry in entries}) > 1:
        return "its files name several patients or studies; export the series again"
    return ""


def _candidates(
    parts: Sequence[_Part], labels: _Labels, suffix: str, pseudonyms: Pseudonyms
) -> list[Candidate]:
    """One candidate for each part, in the same order."""
    usable = [part.first for part in parts if not part.reason]
    subjects = pseudonyms.subjects(entry.patient for entry in usable)
    # The UID of a DICOM study says nothing to a person: always a pseudonym.
    candidates = []
    for part in parts:
        name = part.name(pseudonyms)
        where = f"series {name}"
        found = {"reason": part.reason} if part.reason else labels.of(part.first)
        if "reason" in found:
            candidates.append(excluded(where, found["reason"]))
            continue
        subject = subjects[part.first.patient]
        session = pseudonyms.name("session", part.first.patient, part.first.study)
        candidates.append(
            Candidate(
                kind="dicom",
                where=where,
                scan=scan_id(subject, session, f"acq-{name}", suffix),
                subject=subject,
                session=session,
                source=found | {"files": [str(e.path) for e in part.entries]},
            )
        )
    return candidates


def _files(parts: Sequence[_Part], candidates: Sequence[Candidate]) -> list[InputFile]:
    """The state of the files of all parts."""
    return [
        InputFile(entry.path, "excluded", candidate.where, candidate.source["reason"])
        if candidate.kind == "excluded"
        else InputFile(entry.path, "used", candidate.where)
        for part, candidate in zip(parts, candidates, strict=True)
        for entry in part.entries
    ]


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
