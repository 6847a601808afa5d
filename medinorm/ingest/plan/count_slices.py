"""Whether slices are missing at an end of a stack, as far as its headers know.

A gap inside a stack shows in its positions. A stack that lost its first or last slices
is even and looks whole; only numbers in the headers tell. They are used where they can
be trusted, which depends on who wrote them:

* GE, Philips and PET say how many places an acquisition has.
* ImagesInAcquisition counts places or, of several echoes, phases or time points, all
  images together; these may lie in several series.
* The highest instance number is at least the number of images of the series. Numbers
  that begin far from 1 continue those of another series, and tell nothing.

Images that a program made from others repeat the numbers of those: they are not used.

References:
    DICOM PS3.3, C.7.6.1 (Images in Acquisition) and C.8.9.1 (Number of Slices).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from medinorm.ingest.dicom.divide_series import VolumeFrames
from medinorm.ingest.dicom.frames import Frame, planes_of
from medinorm.ingest.dicom.geometry import place_numbers
from medinorm.ingest.plan.dicom_entries import DicomEntry

_FEWEST = 3  # slices of which the numbers may say that some are missing
_SAME_PLACE = 1  # decimal of a mm


@dataclass(frozen=True)
class StudyImages:
    """How many images each acquisition has in the series of a study.

    Args:
        counts: of each study, acquisition, time of acquisition and series.
        totals: of each series.
        numbers: instance numbers of each series, those of unused images included.
    """

    counts: Mapping[tuple[str, str, str], Counter[str]]
    totals: Counter[str]
    numbers: Mapping[str, Sequence[int]]

    def of(self, entry: DicomEntry) -> int:
        """Images of an entry's series, and those of its acquisition in other series."""
        key = _acquisition_of(entry)
        counts = self.counts[key] if all(key) else Counter[str]()
        return self.totals[entry.series] + counts.total() - counts[entry.series]


def count_images(entries: Iterable[DicomEntry]) -> StudyImages:
    """Count the images of each acquisition and keep their numbers."""
    counts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    numbers: dict[str, list[int]] = defaultdict(list)
    for entry in entries:
        counts[_acquisition_of(entry)][entry.series] += 1
        totals[entry.series] += 1
        text = entry.values.get("InstanceNumber", "")
        if text.lstrip("+-").isdecimal():
            numbers[entry.series].append(int(text))
    return StudyImages(counts, totals, numbers)


def _acquisition_of(entry: DicomEntry) -> tuple[str, str, str]:
    """What the images of one acquisition share; empty where the header does not say."""
    values = entry.values
    number, time = (values.get(k, "") for k in ("AcquisitionNumber", "AcquisitionTime"))
    return entry.study, number, time


@dataclass(frozen=True)
class SeriesCounts:
    """What is known of a series when one of its volumes is counted.

    Args:
        frames: of all its volumes.
        volumes: how many volumes it has.
        images: how many images it has, unused ones and those of its acquisition in
            other series included.
        numbers: instance numbers of all its images.
    """

    frames: Sequence[Frame]
    volumes: int = 1
    images: int = 0
    numbers: Sequence[int] = field(default_factory=tuple)

    @property
    def places(self) -> int:
        """How many places its frames have, of all directions."""
        positions = np.array([frame.position for frame in self.frames])
        return len(np.unique(positions.round(_SAME_PLACE), axis=0))


def lacking_at_an_end(volume: VolumeFrames, series: SeriesCounts) -> str:
    """What the headers say about slices missing at an end, or nothing.

    Args:
        volume: an even stack, whose slices lie in a file each.
        series: the series it belongs to.
    """
    frames = volume.frames
    if len({frame.path for frame in frames}) < len(frames) or any(
        frame.keys.image_type[:1] == ("DERIVED",) for frame in frames
    ):
        return ""
    count = len(set(place_numbers(planes_of(frames))))
    expected = _declared(volume, count, series)
    if expected is None:
        expected = _numbered(count, series)
    if expected <= count:
        return ""
    return (
        f"missing_slices: {expected - count} missing at an end, the headers count "
        f"{expected} slices and {count} are here; copy the whole series again, or set "
        "ingest.geometry.cut_off"
    )


def _declared(volume: VolumeFrames, count: int, series: SeriesCounts) -> int | None:
    """How many slices the headers count; ``None`` if they do not say."""
    frames = volume.frames
    places = {int(own) for frame in frames if (own := frame.keys.places)}
    if len(places) == 1:
        (expected,) = places
        return expected if series.places < expected else count
    groups: Mapping[float | None, list[Frame]] = defaultdict(list)
    for frame in frames:
        if frame.keys.images:
            groups[frame.keys.acquisition].append(frame)
    if not groups:
        return None
    groups = _joined(groups)
    several = any(key == "grid" for key, _ in volume.trail)
    if several and max(own.keys.images or 0 for own in frames) <= series.images:
        return count
    lacking = [_images_lacking(group, count, series) for group in groups.values()]
    return count + sum(lacking)


def _joined(
    groups: Mapping[float | None, list[Frame]],
) -> Mapping[float | None, list[Frame]]:
    """Frames by acquisition; all together if these only number slices of one.

    Some makers give each slice, or each pass of an interleaved stack, a number of its
    own, and count the images of all.
    """
    frames = [frame for group in groups.values() for frame in group]
    counts = {frame.keys.images or 0 for frame in frames}
    if len(counts) == 1 and counts.pop() >= len(frames):
        return {None: frames}
    return groups


def _images_lacking(group: Sequence[Frame], count: int, series: SeriesCounts) -> int:
    """How many slices of one acquisition are missing, by its number of images."""
    numbers = {int(frame.keys.images or 0) for frame in group}
    images, own = max(numbers), len(group)
    if len(numbers) > 1 or images <= max(own, count) or images == series.images:
        return 0
    if images % own == 0:  # several echoes, phases or time points
        return 0 if series.volumes > 1 or images <= series.images else images - own
    # Of several volumes together each lacks its share.
    shared = series.volumes if images > own * series.volumes else 1
    return max(-(-images // shared) - own, 1)


def _numbered(count: int, series: SeriesCounts) -> int:
    """How many slices there are by the highest number of an image of the series."""
    numbers = sorted(series.numbers)
    if series.volumes > 1 or count < _FEWEST or len(set(numbers)) < len(numbers):
        return count
    if len(numbers) < count or numbers[0] < 0:
        return count
    steps = set(np.diff(numbers).tolist())
    if steps != {1} and len(steps) == 1:  # other volumes have the numbers between
        return count
    lacking = numbers[-1] - len(numbers) + (numbers[0] == 0)
    return count + lacking if 0 < lacking < count else count
