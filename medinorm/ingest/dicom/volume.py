"""One volume from the files of a DICOM series: placed by its headers, or refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medinorm.config import GeometryConfig
from medinorm.errors import GeometryError, ReadError
from medinorm.files.nifti import Volume
from medinorm.ingest.dicom.files import Pixels, read_pixels
from medinorm.ingest.dicom.frames import Frame, planes_of
from medinorm.ingest.dicom.geometry import Stack, duplicate, place_numbers, stack_planes
from medinorm.ingest.dicom.pixels import read_stored_images
from medinorm.ingest.dicom.regrid import interpolate_slices, straighten

# An intercept of so many slopes may leave no contrast in single precision.
_FAR = 1 << 15


@dataclass(frozen=True)
class Reading:
    """A volume and what a user of its values should know.

    Args:
        volume: the volume.
        notes: entries for its sidecar: what was changed, and how it was stored.
    """

    volume: Volume
    notes: Mapping[str, object] = field(default_factory=dict)

    def with_changes(self, changes: Sequence[str]) -> Self:
        """The same with further sentences about what was changed."""
        own = self.notes.get("GeometryChanges", [])
        every = [*changes, *(own if isinstance(own, list) else [])]
        notes = {**self.notes, "GeometryChanges": every} if every else self.notes
        return replace(self, notes=notes)


@dataclass(frozen=True)
class Placed:
    """Frames that make a volume, in any order, and how they do it.

    Args:
        frames: one for each place.
        stack: their order and place.
        dropped: how many more frames lie on one of them and are the same.
    """

    frames: Sequence[Frame]
    stack: Stack
    dropped: int = 0


def read_series_part(
    frames: Sequence[Frame], policy: GeometryConfig | None = None
) -> Reading:
    """Read frames as one volume.

    Args:
        frames: all that the volume consists of, in any order.
        policy: what to do about slices that are no even stack; by default refuse.

    Raises:
        ReadError: a file is damaged or of a kind that is not read.
        GeometryError: the slices do not make a volume; see `place_frames`.
    """
    placed = place_frames(frames, policy)
    stack = placed.stack
    array = _fill(placed.frames, stack)
    if not stack.even:
        array = interpolate_slices(array, stack.index)
    volume = Volume(array[np.newaxis], stack.affine)
    if stack.straighten:
        volume = straighten(volume)
    return Reading(volume, _notes(placed))


def place_frames(
    frames: Sequence[Frame], policy: GeometryConfig | None = None
) -> Placed:
    """Find out how frames make a volume; pixels are read only of doubled frames.

    Args:
        frames: all that the volume consists of, in any order.
        policy: what to do about slices that are no even stack; by default refuse.

    Raises:
        ReadError: a doubled frame cannot be read.
        GeometryError: the slices do not make a volume; see `stack_planes`. Of slices
            at one place it says whether their pixels are the same.
    """
    policy = policy or GeometryConfig()
    planes = planes_of(frames)
    places = place_numbers(planes)
    kept, doubled = _doubled(places)
    if not doubled:
        return Placed(frames, stack_planes(planes, policy))
    same = all(same_values(frames[one], frames[other]) for one, other in doubled)
    if not same or policy.duplicate == "quarantine":
        kind = "all with the same pixels" if same else "not all with the same pixels"
        raise GeometryError(duplicate(len(doubled), len(frames), kind))
    single = [frames[number] for number in kept]
    return Placed(single, stack_planes(planes_of(single), policy), len(doubled))


def _doubled(places: NDArray[np.intp]) -> tuple[list[int], list[tuple[int, int]]]:
    """The first frame at each place, and each other one with that first one."""
    first: dict[int, int] = {}
    doubled = []
    for number, place in enumerate(places):
        kept = first.setdefault(int(place), number)
        if kept != number:
            doubled.append((kept, number))
    return list(first.values()), doubled


def same_values(one: Frame, other: Frame) -> bool:
    """Whether two frames hold the same real values."""
    first, second = (
        _real_values(
            frame, frame.cut(_stored_images([frame])[frame.index]), whole=False
        )
        for frame in (one, other)
    )
    return bool(np.array_equal(first, second))


def _notes(placed: Placed) -> dict[str, object]:
    """Entries for the sidecar; a list where slices differ."""
    stack = placed.stack
    changes = list(stack.changes)
    if placed.dropped:
        changes.append(
            f"duplicate: {placed.dropped} slices with the same pixels left out"
        )
    notes: dict[str, object] = {"GeometryChanges": changes} if changes else {}
    ordered = [placed.frames[number] for number in stack.order]
    for name in sorted({name for frame in ordered for name in frame.notes}):
        values = [frame.notes.get(name) for frame in ordered]
        notes[name] = values[0] if len(set(values)) == 1 else values
    if "PhilipsScaleSlope" in notes:
        for name, key in (("slope", "Slope"), ("intercept", "Intercept")):
            values = [getattr(frame, name) for frame in ordered]
            single = len(set(values)) == 1
            notes[f"PhilipsRescale{key}"] = values[0] if single else values
    return notes


def _fill(frames: Sequence[Frame], stack: Stack) -> Pixels:
    """Real values of all frames, shape ``(columns, rows, slices)``."""
    place = np.empty(len(frames), dtype=np.intp)
    place[stack.order] = np.arange(len(frames))
    whole = all(map(_keeps_whole, frames))
    moved = any(frame.intercept for frame in frames)
    # Whether single precision holds the contrast is decided when the image is checked.
    far = any(abs(own.intercept) > _FAR * abs(own.slope) for own in frames)
    rows, columns = (int(size) for size in frames[0].shape)
    array: Pixels = np.empty(0)
    order = sorted(range(len(frames)), key=lambda number: str(frames[number].path))
    for _, members in groupby(order, key=lambda number: frames[number].path):
        group = list(members)
        images = _stored_images([frames[number] for number in group])
        stored = next(iter(images.values())).dtype
        if not array.size:
            whole = whole and stored.kind != "f"
        wanted = _type_for(stored, whole=whole, moved=moved)
        wanted = np.dtype(np.float64) if not whole and far else wanted
        if not array.size:
            # A slice at a time is written: each must lie in one piece.
            array = np.empty((len(frames), rows, columns), wanted)
        elif not np.can_cast(wanted, array.dtype):
            array = array.astype(np.result_type(wanted, array.dtype))
        for number in group:
            frame = frames[number]
            values = _real_values(frame, frame.cut(images[frame.index]), whole=whole)
            with np.errstate(over="ignore"):  # as in `_real_values`
                array[place[number]] = values
    return _in_smallest_type(array).T


def _keeps_whole(frame: Frame) -> bool:
    """Whether a frame's real values are whole numbers if its stored ones are."""
    return (
        frame.slope == 1
        and frame.intercept.is_integer()
        and abs(frame.intercept) < 1 << 31
    )


def _type_for(
    stored: np.dtype[np.number], *, whole: bool, moved: bool
) -> np.dtype[np.number]:
    """The narrowest type that surely holds the real values of stored ones.

    Raises:
        ReadError: they are no whole numbers although others are.
    """
    if not whole:
        return np.dtype(np.float32)
    if stored.kind == "f":
        raise ReadError("only some files of the series hold whole numbers")
    return np.result_type(stored, np.int32) if moved else stored


def _stored_images(frames: Sequence[Frame]) -> Mapping[int, Pixels]:
    """The stored images that hold frames of one file, by their number.

    Raises:
        ReadError: they have another size than the header gave.
    """
    first, wanted = frames[0], sorted({frame.index for frame in frames})
    images: Mapping[int, Pixels] = {}
    if len(wanted) < first.stored[0]:
        images = read_stored_images(first.path, wanted)
    else:
        stack = first.pixels.read(first.path) if first.pixels else None
        if stack is None:
            _, stack = read_pixels(first.path)
        images = dict(enumerate(stack))
    sizes = {image.shape for image in images.values()}
    if list(images) != wanted or sizes != {first.stored[1:]}:
        raise ReadError("pixels and header differ in size; export the series again")
    return images


def _real_values(frame: Frame, stored: Pixels, *, whole: bool) -> Pixels:
    """Slope and intercept applied to one frame."""
    if whole:
        moved: Pixels = stored.astype(np.int64) + int(frame.intercept)
        return moved
    with np.errstate(over="ignore"):  # what overflows is refused as not finite
        scaled: Pixels = stored.astype(np.float64) * frame.slope + frame.intercept
    return scaled


def _in_smallest_type(array: Pixels) -> Pixels:
    """Whole numbers in two bytes where they fit."""
    if array.dtype.kind == "f":
        return array
    low, high = int(array.min()), int(array.max())
    if array.dtype == np.uint16 and high <= np.iinfo(np.int16).max:
        return array.view(np.int16)  # without a copy of the whole
    for dtype in (np.int16, np.uint16, np.int32):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return array.astype(dtype, copy=False)
    return array
