"""The frames of DICOM files: where each is stored, where it lies, how it is scaled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from pydicom.dataset import Dataset

from medinorm.errors import ReadError
from medinorm.files.machine import pass_on_machine_fault
from medinorm.ingest.archives import open_input
from medinorm.ingest.dicom.file_values import read_values
from medinorm.ingest.dicom.files import (
    Header,
    Pixels,
    numbers_of,
    read_header,
    stamp_of,
    text_of,
    value_of,
)
from medinorm.ingest.dicom.frame_keys import (
    FrameKeys,
    private_number,
    private_value,
    read_keys,
)
from medinorm.ingest.dicom.geometry import Planes
from medinorm.ingest.dicom.header_values import Private
from medinorm.ingest.dicom.mosaic import is_mosaic, read_tiles, tile_shape
from medinorm.ingest.dicom.object_classes import ENHANCED_IMAGES
from medinorm.ingest.dicom.pixels import StoredPixels, find_stored_pixels

_FRAME_GROUPS = "PerFrameFunctionalGroupsSequence"
_SHARED_GROUPS = "SharedFunctionalGroupsSequence"
# Groups whose items say what tells frames apart.
_KEY_GROUPS = (
    *("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "FrameContentSequence"),
    *("PETFrameTypeSequence", "MREchoSequence", "MRModifierSequence"),
    *("MRDiffusionSequence", "CardiacSynchronizationSequence"),
    *("MRTimingAndRelatedParametersSequence", "CTReconstructionSequence"),
    *("CTXRayDetailsSequence", "PixelMeasuresSequence"),
    "PixelValueTransformationSequence",
)
_PHILIPS_FRAME = Private(0x2005, "Philips MR Imaging DD 005", 0x0F, b"SQ")
_PHILIPS_SCALE = {
    "PhilipsScaleSlope": Private(0x2005, "Philips MR Imaging DD 001", 0x0E, b"FL"),
    "PhilipsScaleIntercept": Private(0x2005, "Philips MR Imaging DD 001", 0x0D, b"FL"),
}
_SCALING = ("RescaleSlope", "RescaleIntercept")
_NAN = float("nan")

Note: TypeAlias = str | float
_FARTHEST = 1e6  # mm; no scanner is larger


@dataclass(frozen=True)
class Frame:
    """One slice: where it is stored and where it lies.

    Args:
        path: its file.
        index: which stored image of the file, from 0.
        position: LPS mm, not-a-number if unknown; so are the others.
        directions: direction of growing column, then of growing row.
        spacing: distance of rows and of columns, mm.
        shape: number of rows and of columns.
        slope: real value for each stored one.
        intercept: real value of a stored 0.
        scaled: whether its header has a slope or an intercept.
        number: which frame of the file, from 0; a mosaic has several in one image.
        corner: row and column of its first pixel in the stored image.
        stored: stored images of the file, their rows and columns.
        keys: what tells it from others at its place.
        notes: what else a user of the values should know, by its name in a sidecar.
        pixels: how its pixels are stored, if they can be read without pydicom.
    """

    path: Path
    index: int
    position: tuple[float, ...]
    directions: tuple[float, ...]
    spacing: tuple[float, ...]
    shape: tuple[float, ...]
    slope: float = 1.0
    intercept: float = 0.0
    scaled: bool = False
    number: int = 0
    corner: tuple[int, int] = (0, 0)
    stored: tuple[int, int, int] = (1, 0, 0)
    keys: FrameKeys = field(default_factory=FrameKeys)
    notes: Mapping[str, Note] = field(default_factory=dict)
    pixels: StoredPixels | None = None

    @property
    def place(self) -> tuple[Path, int]:
        """Which frame of which file it is; no other frame has the same."""
        return self.path, self.number

    def cut(self, stored: Pixels) -> Pixels:
        """The frame's stored values out of the image that holds them."""
        (row, column), (rows, columns) = self.corner, map(int, self.shape)
        return stored[row : row + rows, column : column + columns]


def read_frames(path: Path) -> list[Frame]:
    """Read where the frames of one file lie.

    Raises:
        ReadError: the file is damaged, is no DICOM object or contradicts itself.
        GeometryError: it is a mosaic that does not say where its slices lie.
    """
    try:
        return list(_read_frames(path, stamp_of(path)))
    except OSError as error:
        pass_on_machine_fault(error)
        raise ReadError("the file may not be read; check its permissions") from None


# A file of many frames is asked for them again for each of its volumes.
@lru_cache(maxsize=1)
def _read_frames(path: Path, _stamp: tuple[int, ...]) -> list[Frame]:
    """The frames of one file; see `read_frames`."""
    if frame := _simple_frame(path):
        return [frame]
    header = read_header(path)
    if header is None:
        raise ReadError("a file of the series is not DICOM any more; plan again")
    if _FRAME_GROUPS in header:
        return _enhanced_frames(path, header)
    if is_mosaic(header):
        return _mosaic_frames(path, header)
    return [classic_frame(path, header)]


def _simple_frame(path: Path) -> Frame | None:
    """The frame of a file of one slice, by the values that the index keeps.

    Philips describes its values in private elements, which the index does not keep.

    Raises:
        ReadError: the file may not be read, or is damaged.
    """
    try:
        with open_input(path) as stream:
            values = read_values(stream) or {}
    except OSError as error:
        pass_on_machine_fault(error)
        raise ReadError("the file may not be read; check its permissions") from None
    pixels = find_stored_pixels(values)
    if pixels is None or "philips" in values.get("Manufacturer", "").lower():
        return None
    frame = frame_in(path, values)
    return replace(frame, pixels=pixels) if frame else None


def frame_in(path: Path, values: Mapping[str, str]) -> Frame | None:
    """The frame of a file of one slice as far as the index knows it.

    Args:
        path: its file.
        values: texts of its header by keyword.

    Returns:
        The frame, without some notes; ``None`` if the file may hold several frames and
        has to be read.

    Raises:
        ReadError: the header gives no size, or a scaling that makes no sense.
    """
    several = values.get("NumberOfFrames", "1") not in {"1", ""}
    enhanced = values.get("SOPClassUID", "") in ENHANCED_IMAGES
    if several or enhanced or is_mosaic(values):
        return None
    return classic_frame(path, values)


def classic_frame(path: Path, header: Header) -> Frame:
    """The only frame of a file.

    Raises:
        ReadError: the header gives no size, or a scaling that makes no sense.
    """
    shape = _shape(header)
    scaling = _scaling([header])
    return Frame(
        path=path,
        index=0,
        position=_lengths([header], "ImagePositionPatient", 3),
        directions=_lengths([header], "ImageOrientationPatient", 6),
        spacing=_lengths([header], "PixelSpacing", 2),
        shape=shape,
        stored=(1, int(shape[0]), int(shape[1])),
        keys=read_keys([header]),
        notes=_notes(header, [header], scaling),
        slope=scaling.slope,
        intercept=scaling.intercept,
        scaled=scaling.known,
    )


def planes_of(frames: Sequence[Frame]) -> Planes:
    """Where frames lie, as arrays."""
    return Planes(
        positions=np.array([frame.position for frame in frames]),
        directions=np.array([frame.directions for frame in frames]).reshape(-1, 2, 3),
        spacings=np.array([frame.spacing for frame in frames]),
        shapes=np.array([frame.shape for frame in frames]).astype(np.int64),
        numbers=np.array([frame.keys.number for frame in frames], dtype=np.float64),
    )


def _mosaic_frames(path: Path, header: Dataset) -> list[Frame]:
    """The tiles of a Siemens mosaic, all of one volume."""
    whole = classic_frame(path, header)
    rows, columns = tile_shape(header)
    return [
        replace(
            whole,
            number=number,
            position=tile.position,
            corner=tile.corner,
            shape=(float(rows), float(columns)),
        )
        for number, tile in enumerate(read_tiles(header))
    ]


def _enhanced_frames(path: Path, header: Dataset) -> list[Frame]:
    """The frames of a multi-frame file."""
    shared = _items(header, _SHARED_GROUPS)[:1]
    groups = _items(header, _FRAME_GROUPS)
    if numbers_of(header, "NumberOfFrames", 1) != (float(len(groups)),):
        raise ReadError("frames and their descriptions differ in number")
    rows, columns = map(int, _shape(header))
    return [
        replace(
            _enhanced_frame(path, header, [own, *shared]),
            index=number,
            number=number,
            stored=(len(groups), rows, columns),
        )
        for number, own in enumerate(groups)
    ]


def _enhanced_frame(path: Path, header: Dataset, groups: list[Dataset]) -> Frame:
    """One frame of a multi-frame file; its own groups come before the shared ones."""
    named = [item for name in _KEY_GROUPS for item in _inside(groups, name)]
    values = [*_inside(groups, "PixelValueTransformationSequence"), header]
    scaling = _scaling(values)
    private = [item for group in groups for item in _philips_items(group)]
    return Frame(
        path=path,
        index=0,
        position=_lengths(
            _inside(groups, "PlanePositionSequence"), "ImagePositionPatient", 3
        ),
        directions=_lengths(
            _inside(groups, "PlaneOrientationSequence"), "ImageOrientationPatient", 6
        ),
        spacing=_lengths(_inside(groups, "PixelMeasuresSequence"), "PixelSpacing", 2),
        shape=_shape(header),
        keys=read_keys([*named, header]),
        notes=_notes(header, [*private, header], scaling),
        slope=scaling.slope,
        intercept=scaling.intercept,
        scaled=scaling.known,
    )


def _inside(groups: Sequence[Dataset], sequence: str) -> list[Dataset]:
    """The first item of a sequence, from each group that has it."""
    return [item for group in groups for item in _items(group, sequence)[:1]]


def _items(dataset: Dataset, sequence: str) -> list[Dataset]:
    """The items of a sequence, none if it is absent or damaged."""
    value = value_of(dataset, sequence, ())
    return [item for item in value if isinstance(item, Dataset)]


def _philips_items(group: Dataset) -> list[Dataset]:
    """What Philips says about a frame in its own sequence."""
    value = private_value(group, _PHILIPS_FRAME)
    items = value if isinstance(value, Sequence) else ()
    return [item for item in items if isinstance(item, Dataset)]


def _numbers(places: Sequence[Header], keyword: str, count: int) -> tuple[float, ...]:
    """The numbers of the first place that has them, or not-a-numbers."""
    for place in places:
        numbers = numbers_of(place, keyword, count)
        if numbers is not None:
            return numbers
    return (_NAN,) * count


def _lengths(places: Sequence[Header], keyword: str, count: int) -> tuple[float, ...]:
    """Numbers that say where something lies, or not-a-numbers if they cannot."""
    numbers = _numbers(places, keyword, count)
    possible = all(abs(number) <= _FARTHEST for number in numbers)
    return numbers if possible else (_NAN,) * count


def _shape(header: Header) -> tuple[float, ...]:
    """Number of rows and of columns.

    Raises:
        ReadError: the header does not say.
    """
    rows = numbers_of(header, "Rows", 1)
    columns = numbers_of(header, "Columns", 1)
    if not (rows and columns and all(map(_is_size, (*rows, *columns)))):
        raise ReadError("a file has no pixels; copy the series again")
    return (*rows, *columns)


def _is_size(number: float) -> bool:
    """Whether an image can have this many rows or columns."""
    return number.is_integer() and 0 < number < 1 << 16


class _Scaling(NamedTuple):
    """How stored values become real ones."""

    slope: float = 1.0
    intercept: float = 0.0
    known: bool = False


def _scaling(places: Sequence[Header]) -> _Scaling:
    """Slope and intercept; without them stored values are the real ones.

    Raises:
        ReadError: they are there but make no sense.
    """
    slope = _only_number(places, "RescaleSlope", 1.0)
    intercept = _only_number(places, "RescaleIntercept", 0.0)
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise ReadError("slope or intercept is no number; export the series again")
    known = any(keyword in place for keyword in _SCALING for place in places)
    return _Scaling(slope, intercept, known)


def _only_number(places: Sequence[Header], keyword: str, absent: float) -> float:
    """The number of the first place that has one; not-a-number if none is a number."""
    having = [place for place in places if keyword in place]
    return _numbers(having, keyword, 1)[0] if having else absent


def _notes(
    header: Header, private: Sequence[Header], scaling: _Scaling
) -> dict[str, Note]:
    """What a user of the values should know.

    How an image is to be shown, the value of pixels that were not measured, and
    Philips' second scaling: its own slope turns real values into ones that compare
    between series, by division.
    """
    notes: dict[str, Note] = {}
    if text_of(header, "PhotometricInterpretation") == "MONOCHROME1":
        notes["PhotometricInterpretation"] = "MONOCHROME1"
    padding = numbers_of(header, "PixelPaddingValue", 1)
    if padding is not None:
        notes["PaddingValue"] = padding[0] * scaling.slope + scaling.intercept
    for name, element in _PHILIPS_SCALE.items():
        numbers = (private_number(place, element) for place in private)
        value = next((number for number in numbers if number is not None), None)
        if value is not None:
            notes[name] = value
    return notes
