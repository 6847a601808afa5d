"""The same DICOM object in several files: an export next to another, or to its ZIP."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medinorm.errors import ScanError
from medinorm.ingest.archives import read_contents
from medinorm.ingest.dicom.frames import Frame, read_frames
from medinorm.ingest.dicom.object_classes import IMAGES
from medinorm.ingest.dicom.volume import same_values
from medinorm.ingest.plan.dicom_entries import DicomEntry

A_COPY = "a copy of another file: the same object with the same pixels, used once"

# Objects that differ in these are not the same, whatever their UID says.
_PLACE = ("InstanceNumber", "ImagePositionPatient", "EchoTime", "Rows", "Columns")


@dataclass(frozen=True)
class Originals:
    """Files without those that repeat others.

    Args:
        entries: one file for each object.
        copies: files that repeat one of these, by its path.
    """

    entries: Sequence[DicomEntry]
    copies: Mapping[Path, Sequence[Path]]


def leave_out_copies(entries: Iterable[DicomEntry]) -> Originals:
    """Keep one file of each object: the first.

    Objects are the same if patient, series and object have one UID and their bytes or,
    if another program wrote or compressed them, their places and pixels agree. Files
    of one UID with other pixels all stay: what is wrong with them is for the user to
    find out.
    """
    groups: dict[tuple[str, ...], list[DicomEntry]] = defaultdict(list)
    for entry in entries:
        uid = entry.values.get("SOPInstanceUID") or str(entry.path)
        place = [entry.values.get(keyword, "") for keyword in _PLACE]
        groups[entry.patient, entry.study, entry.series, uid, *place].append(entry)
    doubled = [group for group in groups.values() if len(group) > 1]
    digests = _digests([entry.path for group in doubled for entry in group])
    copies: dict[Path, list[Path]] = {}
    for first, *others in doubled:
        same = [other.path for other in others if _are_same(first, other, digests)]
        if same:
            copies[first.path] = same
    left = {path for paths in copies.values() for path in paths}
    kept = [entry for group in groups.values() for entry in group]
    return Originals([entry for entry in kept if entry.path not in left], copies)


def _digests(paths: Sequence[Path]) -> dict[Path, bytes]:
    """A checksum of the content of each file that can be read."""
    return {
        path: hashlib.blake2b(content, digest_size=16).digest()
        for path, content in read_contents(paths)
    }


def _are_same(
    one: DicomEntry, other: DicomEntry, digests: Mapping[Path, bytes]
) -> bool:
    """Whether two files hold the same object."""
    if one.path not in digests or other.path not in digests:
        return False
    if digests[one.path] == digests[other.path]:
        return True
    if one.values.get("SOPClassUID", "") not in IMAGES:
        return False
    try:
        pairs = list(
            zip(read_frames(one.path), read_frames(other.path), strict=True),
        )
        return all(
            _place_of(first) == _place_of(second) and same_values(first, second)
            for first, second in pairs
        )
    except (ScanError, ValueError):  # damaged, or of another number of frames
        return False


def _place_of(frame: Frame) -> str:
    """All that a frame says of itself; not-a-numbers are the same as text."""
    return repr((frame.position, frame.directions, frame.spacing, frame.keys))
