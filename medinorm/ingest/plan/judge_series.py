"""What each DICOM series is divided into: volumes, and what cannot be one."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medinorm.config import IngestConfig
from medinorm.errors import ReadError, ScanError
from medinorm.ingest.dicom.divide_series import VolumeFrames, divide_series
from medinorm.ingest.dicom.exclusion_rules import reason_against
from medinorm.ingest.dicom.frames import Frame, frame_in, read_frames
from medinorm.ingest.dicom.volume import place_frames
from medinorm.ingest.plan.copies import leave_out_copies
from medinorm.ingest.plan.count_slices import (
    SeriesCounts,
    StudyImages,
    count_images,
    lacking_at_an_end,
)
from medinorm.ingest.plan.dicom_entries import DicomEntry
from medinorm.ingest.plan.selection import (
    fitting_rule,
    reason_against_traits,
    traits_of,
)

_FrameKey = tuple[Path, int, tuple[int, int]]

# Positions in different frames of reference have nothing to do with each other.
_SAME_IN_A_SERIES = {
    ("SOPClassUID", "Modality"): "kind of image",
    ("FrameOfReferenceUID",): "frame of reference",
    ("ManufacturerModelName",): "scanner",
    ("PhotometricInterpretation",): "meaning of dark and bright",
}


@dataclass(frozen=True)
class SeriesPart:
    """Files of one series that should make one volume, or are left out together.

    Args:
        entries: the files' headers.
        key: how it differs from other volumes of its series, empty if there are none.
        reason: why it is left out; empty if it is a volume.
        wrong: whether it is left out because something about it is wrong.
        numbers: which frames of each file belong to it, from 0, where a file has more.
        copies: further files that hold the same objects; they are not used.
        notes: what was done about the slices, for the sidecar.
        rule: number of the rule in `ingest.select` that takes it, from 0.
    """

    entries: Sequence[DicomEntry]
    key: str = ""
    reason: str = ""
    wrong: bool = False
    numbers: Mapping[Path, Sequence[int]] | None = None
    copies: Sequence[Path] = ()
    notes: Sequence[str] = ()
    rule: int | None = None

    @property
    def first(self) -> DicomEntry:
        """The first file, for values that all files share."""
        return self.entries[0]


def find_parts(entries: Iterable[DicomEntry], ingest: IngestConfig) -> list[SeriesPart]:
    """Divide series into volumes and judge each.

    What cannot be a scan by its class or type comes first, then what the study does not
    select, then what is wrong with the geometry.

    Args:
        entries: images of any series.
        ingest: what is selected, and what is done about an odd geometry.
    """
    originals = leave_out_copies(entries)
    study_images = count_images(originals.entries)
    groups: dict[tuple[str, str], list[DicomEntry]] = defaultdict(list)
    for entry in originals.entries:
        groups[entry.series, entry.reason].append(entry)
    parts: list[SeriesPart] = []
    for (_, reason), members in sorted(groups.items()):
        if reason:
            risky = members[0].risky
            parts.append(SeriesPart(members, reason=reason, wrong=risky))
        elif reason := _contradiction(members):
            parts.append(SeriesPart(members, reason=reason, wrong=True))
        else:
            parts += _divided(members, study_images, ingest)
    return _with_copies(parts, originals.copies)


def _with_copies(
    parts: Sequence[SeriesPart], copies: Mapping[Path, Sequence[Path]]
) -> list[SeriesPart]:
    """Parts that know which files repeat theirs."""
    known = []
    for own in parts:
        paths = [path for e in own.entries for path in copies.get(e.path, ())]
        note = f"duplicate: {len(paths)} files that repeat others left out"
        notes = [*own.notes, note] if paths else own.notes
        known.append(replace(own, copies=tuple(paths), notes=tuple(notes)))
    return known


def frames_of(
    files: Sequence[Path], numbers: Sequence[Sequence[int] | None]
) -> list[Frame]:
    """Read the frames that make one volume.

    Args:
        files: that hold them.
        numbers: which frames of each file belong to it; ``None`` is all.

    Raises:
        ScanError: a file is damaged, or has other frames than when it was planned.
    """
    frames = []
    for path, wanted in zip(files, numbers, strict=True):
        own = read_frames(path)
        if wanted is not None and len(own) <= max(wanted):
            raise ReadError("a file of the series has other frames now; plan again")
        frames += own if wanted is None else [own[number] for number in wanted]
    return frames


def _divided(
    entries: Sequence[DicomEntry], study_images: StudyImages, ingest: IngestConfig
) -> list[SeriesPart]:
    """The volumes of one series."""
    try:
        frames = [frame for entry in entries for frame in _frames(entry)]
    except ScanError as error:
        return [SeriesPart(entries, reason=str(error), wrong=True)]
    by_path = {entry.path: entry for entry in entries}
    sizes = Counter(frame.path for frame in frames)
    volumes = divide_series(frames)
    first = entries[0]
    counts = SeriesCounts(
        frames, len(volumes), study_images.of(first), study_images.numbers[first.series]
    )
    parts = [_judged(volume, by_path, sizes, ingest) for volume in volumes]
    return [
        _counted(own, lacking_at_an_end(volume, counts), ingest)
        for own, volume in zip(parts, volumes, strict=True)
    ]


def _counted(series_part: SeriesPart, lacking: str, ingest: IngestConfig) -> SeriesPart:
    """A part that its headers count more slices of is left out, or has a note."""
    if series_part.reason or not lacking:
        return series_part
    if ingest.geometry.cut_off == "keep":
        return replace(series_part, notes=(f"{lacking.partition(';')[0]}: kept",))
    return replace(series_part, reason=lacking, wrong=True)


def _frames(entry: DicomEntry) -> list[Frame]:
    """The frames of one file, from its index if that says enough."""
    frame = frame_in(entry.path, entry.values)
    return [frame] if frame else read_frames(entry.path)


def _judged(
    volume: VolumeFrames,
    entries: Mapping[Path, DicomEntry],
    sizes: Mapping[Path, int],
    ingest: IngestConfig,
) -> SeriesPart:
    """One volume with the files that hold it, and the reason why it is left out."""
    numbers: dict[Path, list[int]] = defaultdict(list)
    for frame in volume.frames:
        numbers[frame.path].append(frame.number)
    whole = all(len(own) == sizes[path] for path, own in numbers.items())
    files = [entries[path] for path in sorted(numbers)]
    unwanted = _unwanted(volume, files[0], ingest)
    wrong = "" if unwanted else volume.reason or _verdict(volume, ingest)
    return SeriesPart(
        entries=files,
        key=volume.name,
        reason=unwanted or wrong,
        wrong=bool(wrong),
        numbers=None if whole else numbers,
        rule=None if unwanted else _rule_of(volume, files[0], ingest),
    )


def _rule_of(
    volume: VolumeFrames, entry: DicomEntry, ingest: IngestConfig
) -> int | None:
    """The number of the rule that takes a volume, if there are rules."""
    if not ingest.select:
        return None
    return fitting_rule(ingest.select, traits_of(entry.values, volume.frames))


def _unwanted(volume: VolumeFrames, entry: DicomEntry, ingest: IngestConfig) -> str:
    """Why the study does not select a volume."""
    # A frame may say more about what it shows than its file.
    image_type = "\\".join(volume.frames[0].keys.image_type)
    return (
        reason_against({**entry.values, "ImageType": image_type})
        or reason_against_traits(ingest.select, traits_of(entry.values, volume.frames))
        or _reason_against_time(volume, ingest)
    )


def _reason_against_time(volume: VolumeFrames, ingest: IngestConfig) -> str:
    """Why a time point is left out."""
    if ingest.time_points == "all" or not volume.time:
        return ""
    return (
        f"time point {volume.time + 1} of {volume.times}; ingest.time_points keeps the "
        "first"
    )


def _verdict(volume: VolumeFrames, ingest: IngestConfig) -> str:
    """What is wrong with the geometry of a volume."""
    try:
        place_frames(volume.frames, ingest.geometry)
    except ScanError as error:
        return str(error)
    return ""


def _contradiction(entries: Sequence[DicomEntry]) -> str:
    """Why files of one series cannot belong together, or nothing."""
    if len({(entry.patient, entry.study) for entry in entries}) > 1:
        return "its files name several patients or studies; export the series again"
    serials = {entry.values.get("DeviceSerialNumber", "") for entry in entries}
    if len(serials - {""}) > 1:
        return "its files come from several devices; export the series again"
    for keywords, what in _SAME_IN_A_SERIES.items():
        values = {tuple(map(entry.values.get, keywords)) for entry in entries}
        if len(values) > 1:
            return f"its files differ in their {what}; export the series again"
    return ""
