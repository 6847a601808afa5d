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
_PART_LENGTH = 4
_SAME_DIRECTION = 1e-3  # as in `geometry`


@dataclass(frozen=True)
class _Part:
    """Files of one series that should make one volume, or are left out together.

    Args:
        entries: the files' headers.
        key: what tells it from other volumes of its series, empty if there are none.
        reason: why it is left out.
    """

    entries: Sequence[Entry]
    key: str
    reason: str

    @property
    def first(self) -> Entry:
        """The file that stands for all where they agree."""
        return self.entries[0]

    def name(self, pseudonyms: Pseudonyms) -> str:
        """Pseudonym of the series, and of the part if there are several.

        It stays when other series are added.
        """
        name = pseudonyms.name("series", self.first.series, length=_SERIES_LENGTH)
        if not self.key:
            return name
        return f"{name}x{pseudonyms.name('part', self.key, length=_PART_LENGTH)}"


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
    for (_, reason), entries in sorted(groups.items()):
        if reason:
            parts.append(_Part(entries, "", reason))
            continue
        volumes = _volumes(entries)
        for key, members in sorted(volumes.items()):
            name = key if len(volumes) > 1 else ""
            parts.append(_Part(members, name, _contradiction(members)))
    return parts


def _volumes(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Files of one series by image type, echo time, b-value and size.

    A series whose slices all lie at places of their own is not divided: the parts would
    be volumes with holes. Neither are files that do not lie parallel, so that the
    geometry check names that and not what follows from it.
    """
    places = {entry.position for entry in entries}
    directions = [entry.direction for entry in entries if entry.direction]
    single = None not in places and len(places) == len(entries)
    if single or (directions and np.ptp(directions, axis=0).max() > _SAME_DIRECTION):
        return {"": list(entries)}
    volumes = defaultdict(list)
    for entry in entries:
        volumes[entry.split_key].append(entry)
    return volumes


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
    found = [
        {"reason": part.reason} if part.reason else labels.of(part.first)
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
    part: _Part,
    source: Mapping[str, Any],
    subjects: Mapping[str, str],
    suffix: str,
    pseudonyms: Pseudonyms,
) -> Candidate:
    """The candidate that one part makes with its label map."""
    name = part.name(pseudonyms)
    if "reason" in source:
        return excluded(f"series {name}", source["reason"])
    subject = subjects[part.first.patient]
    # The UID of a DICOM study says nothing to a person: always a pseudonym.
    session = pseudonyms.name("session", part.first.patient, part.first.study)
    return Candidate(
        kind="dicom",
        where=f"series {name}",
        scan=scan_id(subject, session, f"acq-{name}", suffix),
        subject=subject,
        session=session,
        source={**source, "files": [str(entry.path) for entry in part.entries]},
    )


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
