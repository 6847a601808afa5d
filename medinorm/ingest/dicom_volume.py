"""One volume from the files of a DICOM series: placed by its headers, or refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medinorm.errors import ReadError
from medinorm.ingest.dicom_files import numbers_of, read_header, read_pixels, value_of
from medinorm.ingest.geometry import Planes, Stack, stack_planes
from medinorm.volume import Volume


@dataclass(frozen=True)
class Frame:
    """One slice: where it is stored and where it lies.

    Args:
        path: its file.
        index: which frame of the file, from 0.
        position: LPS mm, not-a-number if unknown; so are the others.
        directions: direction of growing column, then of growing row.
        spacing: distance of rows and of columns, mm.
        shape: number of rows and of columns.
        slope: real value for each stored one.
        intercept: real value of a stored 0.
    """

    path: Path
    index: int
    position: tuple[float, ...]
    directions: tuple[float, ...]
    spacing: tuple[float, ...]
    shape: tuple[float, ...]
    slope: float = 1.0
    intercept: float = 0.0


def read_series(files: Sequence[Path]) -> Volume:
    """Read the files of one series as one volume.

    Axes are column, row and slice of the acquisition; nothing is resampled. Slope and
    intercept of each slice are applied. Whole numbers stay whole.

    Args:
        files: classic single-frame files, or enhanced multi-frame ones, in any order.

    Raises:
        ReadError: a file is damaged or of a kind that is not read.
        GeometryError: the slices do not make a volume; see `stack_planes`.
    """
    frames = [frame for path in files for frame in read_frames(path)]
    stack = stack_planes(planes_of(frames))
    return Volume(_fill(frames, stack)[np.newaxis], stack.affine)


def read_frames(path: Path) -> list[Frame]:
    """Read where the frames of one file lie.

    Raises:
        ReadError: the file is damaged or is no DICOM object.
    """
    header = read_header(path)
    if header is None:
        raise ReadError("a file of the series is not DICOM any more; plan again")
    if "PerFrameFunctionalGroupsSequence" not in header:
        return [_classic_frame(path, header)]
    shared = _items(header, "SharedFunctionalGroupsSequence")[:1]
    groups = _items(header, "PerFrameFunctionalGroupsSequence")
    if numbers_of(header, "NumberOfFrames", 1) != (float(len(groups)),):
        raise ReadError("frames and their descriptions differ in number")
    return [
        _enhanced_frame(path, header, index, [own, *shared])
        for index, own in enumerate(groups)
    ]


def planes_of(frames: Sequence[Frame]) -> Planes:
    """Where frames lie, as arrays."""
    return Planes(
        positions=np.array([frame.position for frame in frames]),
        directions=np.array([frame.directions for frame in frames]).reshape(-1, 2, 3),
        spacings=np.array([frame.spacing for frame in frames]),
        shapes=np.array([frame.shape for frame in frames]).astype(np.int64),
    )


def _fill(frames: Sequence[Frame], stack: Stack) -> NDArray[Any]:
    """Real values of all frames, shape ``(columns, rows, slices)``."""
    place = np.empty(len(frames), dtype=np.intp)
    place[stack.order] = np.arange(len(frames))
    whole = all(frame.slope == 1 and frame.intercept % 1 == 0 for frame in frames)
    rows, columns = (int(size) for size in frames[0].shape)
    array: NDArray[Any] = np.empty(0)
    number = 0
    for path, members in groupby(frames, key=lambda frame: frame.path):
        group = list(members)
        _, pixels = read_pixels(path)
        _check_size(group, pixels)
        if pixels.dtype.kind == "f":
            whole = False
        if not array.size:
            dtype = np.result_type(pixels.dtype, np.int32) if whole else np.float32
            array = np.empty((columns, rows, len(frames)), dtype=dtype)
        for frame in group:
            array[..., place[number]] = _real_values(frame, pixels, whole=whole).T
            number += 1
    return _smallest(array)


def _check_size(frames: Sequence[Frame], pixels: NDArray[Any]) -> None:
    """Refuse pixels of another shape than the header gave."""
    if pixels.shape != (len(frames), *frames[0].shape):
        raise ReadError("pixels and header differ in size; export the series again")


def _real_values(frame: Frame, pixels: NDArray[Any], *, whole: bool) -> NDArray[Any]:
    """Slope and intercept applied to one frame."""
    stored: NDArray[Any] = pixels[frame.index]
    if whole:
        moved: NDArray[Any] = stored.astype(np.int64) + int(frame.intercept)
        return moved
    scaled: NDArray[Any] = stored.astype(np.float64) * frame.slope + frame.intercept
    return scaled


def _smallest(array: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers in two bytes where they fit."""
    if array.dtype.kind == "f":
        return array
    low, high = int(array.min()), int(array.max())
    for dtype in (np.int16, np.uint16, np.int32):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return array.astype(dtype)
    return array


def _classic_frame(path: Path, header: Dataset) -> Frame:
    """The only frame of a file."""
    return Frame(
        path=path,
        index=0,
        position=_numbers([header], "ImagePositionPatient", 3),
        directions=_numbers([header], "ImageOrientationPatient", 6),
        spacing=_numbers([header], "PixelSpacing", 2),
        shape=_shape(header),
        **_rescale([header]),
    )


def _enhanced_frame(
    path: Path, header: Dataset, index: int, groups: list[Dataset]
) -> Frame:
    """One frame of a multi-frame file; its own groups come before the shared ones."""
    return Frame(
        path=path,
        index=index,
        position=_numbers(
            _inside(groups, "PlanePositionSequence"), "ImagePositionPatient", 3
        ),
        directions=_numbers(
            _inside(groups, "PlaneOrientationSequence"), "ImageOrientationPatient", 6
        ),
        spacing=_numbers(_inside(groups, "PixelMeasuresSequence"), "PixelSpacing", 2),
        shape=_shape(header),
        **_rescale(_inside(groups, "PixelValueTransformationSequence")),
    )


def _inside(groups: Sequence[Dataset], sequence: str) -> list[Dataset]:
    """The first item of a sequence, from each group that has it."""
    return [item for group in groups for item in _items(group, sequence)[:1]]


def _items(dataset: Dataset, sequence: str) -> list[Dataset]:
    """The items of a sequence, none if it is absent or damaged."""
    value = value_of(dataset, sequence, ())
    return [item for item in value if isinstance(item, Dataset)]


def _numbers(places: Sequence[Dataset], keyword: str, count: int) -> tuple[float, ...]:
    """The numbers of the first place that has them, or not-a-numbers."""
    for place in places:
        numbers = numbers_of(place, keyword, count)
        if numbers is not None:
            return numbers
    return (float("nan"),) * count


def _shape(header: Dataset) -> tuple[float, ...]:
    """Number of rows and of columns.

    Raises:
        ReadError: the header does not say.
    """
    rows = numbers_of(header, "Rows", 1)
    columns = numbers_of(header, "Columns", 1)
    if not (rows and columns and min(*rows, *columns) > 0):
        raise ReadError("a file has no pixels; copy the series again")
    return (*rows, *columns)


def _rescale(places: Sequence[Dataset]) -> dict[str, float]:
    """Slope and intercept; none means that stored values are the real ones.

    Raises:
        ReadError: they are there but make no sense.
    """
    found = {}
    for name, keyword in (("slope", "RescaleSlope"), ("intercept", "RescaleIntercept")):
        given = [place for place in places if keyword in place]
        if not given:
            continue
        number = _numbers(given, keyword, 1)[0]
        if not np.isfinite(number) or (name == "slope" and number == 0):
            raise ReadError("slope or intercept is no number; export the series again")
        found[name] = number
    return found
