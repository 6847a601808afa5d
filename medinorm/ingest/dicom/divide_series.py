"""The volumes that one DICOM series holds: one series may hold several."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from medinorm.errors import GeometryError
from medinorm.ingest.dicom.exclusion_rules import contents_of
from medinorm.ingest.dicom.frame_keys import FrameKeys
from medinorm.ingest.dicom.frames import Frame, planes_of
from medinorm.ingest.dicom.geometry import place_numbers, same_directions, stack_planes

Trail = tuple[tuple[str, Hashable], ...]

# What may differ between volumes, in the order in which a series is divided by it. Only
# values that differ at one place divide: a value that varies along a volume would leave
# volumes with holes.
_KEYS = ("image_type", "echo", "inversion", "b_value", "gradient")
_TIMES = ("temporal", "acquisition", "trigger")
# Likewise, after the time, and only if each value has a whole volume: scanners vary
# some of them a little from slice to slice.
_SETTINGS = (
    *("flip_angle", "repetition", "reconstruction", "voltage", "echo_number"),
    *("fat_saturation", "thickness"),
)
_FEWEST = 3  # slices that show whether they are even
_SAME_CONTRAST = 0.1  # fraction by which echo or inversion time may vary in a volume
_SAME_B_VALUE = 50.0  # s/mm^2, likewise
# Fraction of a value that no two neighbours among all values of a volume may differ by.
_SAME_SETTING = 0.1
_SAME_VOLTAGE = 0.02
_PARTLY_SCALED = (
    "mixed_contrast: only some slices have a rescale slope or intercept; export the "
    "series again"
)
_SAME_GRADIENT = 0.1  # largest difference of a component, likewise


@dataclass(frozen=True)
class VolumeFrames:
    """Frames of one series that should make one volume.

    Args:
        frames: in any order.
        trail: names and values of the keys in which it differs from the other volumes.
        time: which of the time points it is, from 0; ``None`` if there is one.
        times: how many time points there are.
        reason: why it cannot be a volume, begins with the verdict.
    """

    frames: Sequence[Frame]
    trail: Trail = ()
    time: int | None = None
    times: int = 1
    reason: str = ""

    @property
    def name(self) -> str:
        """How it differs from the other volumes, as text; empty if it is alone."""
        return repr(self.trail) if self.trail else ""


def divide_series(frames: Sequence[Frame]) -> list[VolumeFrames]:
    """Divide the frames of one series into volumes.

    Frames of another direction, size or stack make volumes of their own if each of
    these is even; else all stay together, and the geometry check names the problem.
    Frames at one place are divided by image type, echo time, inversion time, b-value
    and gradient, and then by time: time point, acquisition, trigger time. Then come
    flip angle, repetition time, reconstruction kernel, tube voltage, echo number, fat
    saturation and slice thickness and, where the series says how many time points it
    has, the order of their numbers.

    A volume that covers fewer places than the others of its series gets a reason: it
    is incomplete.
    """
    volumes = []
    for trail, members in _by_grid(frames):
        keys = (*_KEYS, *_TIMES, *_SETTINGS)
        inner = _complete(_by_keys(members, keys), members)
        volumes += [replace(volume, trail=(*trail, *volume.trail)) for volume in inner]
    return [_with_one_contrast(volume) for volume in volumes]


def _by_grid(frames: Sequence[Frame]) -> list[tuple[Trail, list[Frame]]]:
    """Frames by direction, size and stack, if that makes volumes."""
    planes = planes_of(frames)
    numbers = same_directions(planes.directions)
    groups: dict[tuple[Hashable, ...], list[Frame]] = defaultdict(list)
    for frame, number in zip(frames, numbers, strict=True):
        size = tuple(round(x, 2) for x in frame.spacing)
        groups[int(number), frame.shape, size, frame.keys.stack].append(frame)
    if len(groups) == 1 or not all(map(_is_stack, groups.values())):
        return [((), list(frames))]
    return [
        ((("grid", _grid_name(members[0], key[-1])),), members)
        for key, members in groups.items()
    ]


def _grid_name(frame: Frame, stack: Hashable) -> Hashable:
    """The name of a group of parallel frames of one size."""
    directions = tuple(round(x, 2) + 0.0 for x in frame.directions)
    return directions, frame.shape, stack


def _is_stack(frames: Sequence[Frame]) -> bool:
    """Whether the places of frames, each counted once, make an even volume."""
    first: dict[int, Frame] = {}
    for number, frame in zip(_places(frames), frames, strict=True):
        first.setdefault(number, frame)
    if len(first) < _FEWEST:
        return False
    try:
        stack_planes(planes_of(list(first.values())))
    except GeometryError:
        return False
    return True


def _places(frames: Sequence[Frame]) -> list[int]:
    """A number for the place of each frame."""
    return [int(number) for number in place_numbers(planes_of(frames))]


def _by_keys(frames: Sequence[Frame], keys: Sequence[str]) -> list[VolumeFrames]:
    """Frames divided by the keys that vary at one place, then by time."""
    places = _places(frames)
    if len(set(places)) == len(frames):
        return [VolumeFrames(frames)]
    for number, key in enumerate(keys):
        groups: dict[Hashable, list[Frame]] = defaultdict(list)
        for frame in frames:
            groups[getattr(frame.keys, key)].append(frame)
        divide = _are_whole if key in _SETTINGS else _are_stacks
        if _differ_at_a_place(frames, places, key) and divide(groups.values(), places):
            rest = keys[number + 1 :]
            return _named(key, groups, rest)
    return _by_occurrence(frames, places)


def _named(
    key: str, groups: dict[Hashable, list[Frame]], rest: Sequence[str]
) -> list[VolumeFrames]:
    """The volumes of each group, with the key that made it in their trail."""
    volumes = []
    # Frames without the key come first; numbers and texts are in their order.
    ordered = sorted(groups.items(), key=lambda item: (item[0] is not None, item[0]))
    for number, (value, members) in enumerate(ordered):
        for volume in _by_keys(members, rest):
            timed = key in _TIMES and volume.time is None
            volumes.append(
                replace(
                    volume,
                    trail=((key, value), *volume.trail),
                    time=number if timed else volume.time,
                    times=len(groups) if timed else volume.times,
                )
            )
    return volumes


def _differ_at_a_place(frames: Sequence[Frame], places: list[int], key: str) -> bool:
    """Whether frames at one place have different values of a key."""
    values = defaultdict(set)
    for frame, place in zip(frames, places, strict=True):
        values[place].add(getattr(frame.keys, key))
    return max(map(len, values.values())) > 1


def _are_stacks(groups: Iterable[Sequence[Frame]], _places_of_all: list[int]) -> bool:
    """Whether any group has frames at several places."""
    return any(len(set(_places(group))) > 1 for group in groups)


def _are_whole(groups: Iterable[Sequence[Frame]], places_of_all: list[int]) -> bool:
    """Whether each group has frames at all places, of which there are several."""
    count = len(set(places_of_all))
    return count > 1 and all(len(set(_places(group))) == count for group in groups)


def _by_occurrence(frames: Sequence[Frame], places: list[int]) -> list[VolumeFrames]:
    """Time points of a series that only says how many there are.

    Each place must have that many frames, each with a number of its own; the first of
    each place belongs to the first time point.
    """
    declared = {frame.keys.repeats for frame in frames}
    numbers = {frame.keys.number for frame in frames}
    by_place = defaultdict(list)
    for frame, place in zip(frames, places, strict=True):
        by_place[place].append(frame)
    counts = {len(members) for members in by_place.values()}
    usable = None not in numbers and len(numbers) == len(frames) and len(by_place) > 1
    if not usable or counts != {len(by_place[places[0]])} or declared != counts:
        return [VolumeFrames(frames)]
    (times,) = counts
    ordered = [
        sorted(members, key=lambda frame: frame.keys.number or 0)
        for members in by_place.values()
    ]
    return [
        VolumeFrames(
            [members[time] for members in ordered], (("time", time),), time, times
        )
        for time in range(times)
    ]


def _complete(
    volumes: Sequence[VolumeFrames], frames: Sequence[Frame]
) -> list[VolumeFrames]:
    """Volumes, with a reason where they lack slices that the others have."""
    if len(volumes) == 1:
        return list(volumes)
    keys = [frame.place for frame in frames]
    place_of = dict(zip(keys, _places(frames), strict=True))
    count = len(set(place_of.values()))
    checked = []
    for volume in volumes:
        lacking = count - len({place_of[frame.place] for frame in volume.frames})
        reason = (
            f"missing_slices: {lacking} of the {count} slices that other volumes of "
            "the series have; copy the whole series again"
        )
        checked.append(replace(volume, reason=reason if lacking else ""))
    return checked


def _with_one_contrast(volume: VolumeFrames) -> VolumeFrames:
    """The volume, with a reason if its slices have several contrasts or times.

    Slices that are not parallel are refused by the geometry check anyway.
    """
    directions = planes_of(volume.frames).directions
    if volume.reason or same_directions(directions).max() > 0:
        return volume
    if _is_partly_scaled(volume.frames):
        return replace(volume, reason=_PARTLY_SCALED)
    name = _difference(volume.frames)
    return replace(volume, reason=_mixed(name)) if name else volume


def _is_partly_scaled(frames: Sequence[Frame]) -> bool:
    """Whether only some slices say how stored values become real ones.

    Those that do not are taken as they are stored, which only fits slope 1 and
    intercept 0.
    """
    scalings = {(own.slope, own.intercept) for own in frames if own.scaled}
    return bool(scalings - {(1.0, 0.0)}) and not all(own.scaled for own in frames)


def _difference(frames: Sequence[Frame]) -> str:
    """In what the contrast of frames differs, or nothing."""
    keys = [frame.keys for frame in frames]
    if name := _differing_contrast(frames) or _differing_setting(keys):
        return name
    if len(set(_places(frames))) < len(frames):  # duplicates are refused first
        return ""
    # Where the spacing changes too, the geometry check says so.
    if _jumps([own.thickness for own in keys], _SAME_SETTING) and _is_stack(frames):
        return "slice thickness"
    low, high = _range(frames, "temporal")
    if high > low:
        return "time point"
    return "gradient" if _turns(frames) else ""


def _differing_contrast(frames: Sequence[Frame]) -> str:
    """What slices show differently, or nothing."""
    types = [frame.keys.image_type for frame in frames]
    if len({(own[:1], contents_of(own)) for own in types}) > 1:
        return "image type"
    for key, name in (("echo", "echo time"), ("inversion", "inversion time")):
        low, high = _range(frames, key)
        if high - low > _SAME_CONTRAST * high:
            return name
    low, high = _range(frames, "b_value")
    return "b-value" if high - low >= _SAME_B_VALUE else ""


def _differing_setting(keys: Sequence[FrameKeys]) -> str:
    """The setting of the scanner in which slices differ, or nothing."""
    gated = any(own.gated for own in keys)
    times = [None if gated else own.repetition for own in keys]
    differs = {
        "flip angle": _jumps([own.flip_angle for own in keys], _SAME_SETTING),
        "repetition time": _jumps(times, _SAME_SETTING),
        "tube voltage": _jumps([own.voltage for own in keys], _SAME_VOLTAGE),
        "reconstruction kernel": len({own.reconstruction for own in keys} - {""}) > 1,
        "echo number": len({own.echo_number for own in keys} - {None}) > 1,
        "pulse sequence": len({own.sequence for own in keys} - {frozenset()}) > 1,
        "sequence variant": len({own.variant for own in keys} - {frozenset()}) > 1,
        "fat saturation": len({own.fat_saturation for own in keys}) > 1,
        "unit of values": len({own.unit for own in keys} - {""}) > 1,
        "contrast agent": len({own.agent for own in keys}) > 1,
    }
    return next((name for name, differ in differs.items() if differ), "")


def _jumps(values: Sequence[float | None], fraction: float) -> bool:
    """Whether known values fall into groups apart, not just vary a little."""
    known = np.unique([value for value in values if value is not None])
    return bool((np.diff(known) > fraction * known[1:]).any())


def _turns(frames: Sequence[Frame]) -> bool:
    """Whether the diffusion gradient changes its direction."""
    gradients = [
        f.keys.gradient for f in frames if f.keys.gradient and any(f.keys.gradient)
    ]
    if not gradients:
        return False
    return float(np.ptp(gradients, axis=0).max()) > _SAME_GRADIENT


def _range(frames: Sequence[Frame], key: str) -> tuple[float, float]:
    """Smallest and largest known value of a key."""
    known = [value for f in frames if (value := getattr(f.keys, key)) is not None]
    return (float(np.min(known)), float(np.max(known))) if known else (0.0, 0.0)


def _mixed(name: str) -> str:
    """The verdict on slices of several contrasts."""
    return (
        f"mixed_contrast: slices at different places differ in {name}; export each "
        "contrast as a series of its own"
    )
