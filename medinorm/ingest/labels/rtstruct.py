"""Label maps from the contours of RTSTRUCT objects, on the grid of their image."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medinorm.errors import GeometryError, LabelError, ReadError
from medinorm.files.nifti import Volume
from medinorm.ingest.dicom.files import items_of, numbers_of, read_header, text_of
from medinorm.ingest.labels.names import fold_name, values_by_name
from medinorm.ingest.labels.polygons import fill_polygons

_RAS = np.array([-1.0, -1.0, 1.0])
_NEAR = 0.05  # a contour may miss its slice by this fraction of the gap

# Corners are rounded to a thousandth of a voxel: many tools draw through voxel centres,
# and rounding errors must not decide on which side those are.
_STEPS = 1000  # in a voxel

_FARTHEST = 1e5  # mm from the origin; no patient lies there

_XOR = "CLOSEDPLANAR_XOR"
_CLOSED = frozenset({"CLOSED_PLANAR", _XOR})


@dataclass(frozen=True)
class _Contour:
    """A polygon on one slice.

    Args:
        place: number of the slice.
        corners: column and row, shape ``(N, 2)``, in voxels.
        crosses: whether its kind allows it to cross others.
    """

    place: int
    corners: NDArray[np.float64]
    crosses: bool


def read_structures(
    path: Path,
    image: Volume,
    names: Mapping[int, str],
    tolerance: float,
    space: str = "",
    optional: Collection[int] = (),
) -> Volume:
    """Read an RTSTRUCT as a label map on the grid of an image.

    A voxel belongs to a structure if its centre lies inside an odd number of its
    contours on that slice: one inside another is a hole, and so is a keyhole. A
    structure gets the label value whose name in the study is its own; case and
    punctuation do not count. Each name of the study must be there, with or without
    contours; further structures, such as the outline of the body, are left out.

    Args:
        path: the RTSTRUCT object.
        image: the image it was drawn on, with the acquisition's axes.
        names: name of each label value of the study.
        tolerance: largest distance of a contour from its slice, in mm, if that is more
            than a twentieth of the gap between slices.
        space: UID of the image's frame of reference, empty if it has none.
        optional: values whose name need not be there.

    Raises:
        LabelError: a name is missing or there twice, structures overlap, contours are
            open, cross each other or skip slices.
        GeometryError: a structure was drawn in another frame of reference, or a
            contour lies on no slice of the image.
        ReadError: the object is damaged.

    References:
        DICOM PS3.3, C.8.8.6: ROI contour module.
    """
    header = read_header(path)
    if header is None:
        raise ReadError("label map: is not DICOM any more; plan again")
    contours = _contours_of_structures(header)
    labels = np.zeros(image.grid, dtype=np.int64)
    values = _values_of_structures(header, names, space)
    _require_structures(values.values(), names, optional)
    for number, value in values.items():
        placed = [_placed(item, image, tolerance) for item in contours[number]]
        inside = _fill(placed, image.grid)
        if labels[inside].any():
            raise LabelError(
                "label map: structures overlap; export them without overlap"
            )
        labels[inside] = value
    return Volume(labels[np.newaxis], image.affine)


def _values_of_structures(
    header: Dataset, names: Mapping[int, str], space: str
) -> dict[int, int]:
    """The label value of each structure's number, for those that have one."""
    wanted = values_by_name(names)
    frames = {
        text_of(item, "FrameOfReferenceUID")
        for item in items_of(header, "ReferencedFrameOfReferenceSequence")
    }
    if space:
        frames &= {space}
    numbers: dict[int, int] = {}
    for item in items_of(header, "StructureSetROISequence"):
        value = wanted.get(fold_name(text_of(item, "ROIName")))
        number = _whole(item, "ROINumber")
        if value is None or number is None:
            continue
        if value in numbers.values():
            raise LabelError("RTSTRUCT: two structures have the name of one label")
        if text_of(item, "ReferencedFrameOfReferenceUID") not in frames:
            raise GeometryError("label map: drawn in another space than the image's")
        numbers[number] = value
    return numbers


def _require_structures(
    values: Collection[int], names: Mapping[int, str], optional: Collection[int]
) -> None:
    """Refuse an RTSTRUCT in which a name of the study is no structure.

    Raises:
        LabelError: one is not there.
    """
    required = set(values_by_name(names).values()).difference(optional)
    if missing := len(required.difference(values)):
        raise LabelError(
            f"RTSTRUCT: {missing} of {len(required)} names in input.label_values are "
            "no structure; name them alike, and export an empty one where there is "
            "nothing"
        )


def _contours_of_structures(header: Dataset) -> dict[int, list[Dataset]]:
    """The contours of each structure's number."""
    contours: dict[int, list[Dataset]] = defaultdict(list)
    for item in items_of(header, "ROIContourSequence"):
        number = _whole(item, "ReferencedROINumber")
        if number is not None:
            contours[number] += items_of(item, "ContourSequence")
    return contours


def _whole(item: Dataset, keyword: str) -> int | None:
    """An element's whole number, if it has one."""
    number = numbers_of(item, keyword, 1)
    return int(number[0]) if number and number[0].is_integer() else None


def _placed(item: Dataset, image: Volume, tolerance: float) -> _Contour:
    """A contour on its slice."""
    kind = text_of(item, "ContourGeometricType")
    if kind not in _CLOSED:
        raise LabelError(
            "RTSTRUCT: a structure has points or open lines; export closed contours"
        )
    voxels = _points(item) * _RAS @ np.linalg.inv(image.affine)[:3, :3].T
    voxels += np.linalg.inv(image.affine)[:3, 3]
    place = np.rint(voxels[:, 2].mean())
    gap = image.spacing[2]
    if not np.abs(voxels[:, 2] - place).max() * gap <= max(tolerance, _NEAR * gap):
        raise GeometryError(
            "label map: another grid: a contour lies between slices of the image"
        )
    if not 0 <= place < image.grid[2]:
        raise GeometryError("label map: another grid: a contour lies beyond the image")
    corners = np.round(voxels[:, :2] * _STEPS) / _STEPS
    return _Contour(int(place), corners, kind == _XOR)


def _points(item: Dataset) -> NDArray[np.float64]:
    """The points of a contour in LPS mm, shape ``(N, 3)``."""
    count = _whole(item, "NumberOfContourPoints") or 0
    numbers = numbers_of(item, "ContourData", 3 * count) or ()
    if len(numbers) < 9 or not _are_near(numbers):
        raise ReadError("label map: a contour is damaged; export it again")
    if numbers_of(item, "ContourOffsetVector", 3) not in {None, (0.0, 0.0, 0.0)}:
        raise GeometryError("label map: contours are moved from where they were drawn")
    return np.reshape(numbers, (-1, 3))


def _are_near(numbers: Sequence[float]) -> bool:
    """Whether all are coordinates that something in a scanner may have."""
    return all(abs(number) < _FARTHEST for number in numbers)


def _fill(
    contours: Sequence[_Contour], grid: tuple[int, int, int]
) -> NDArray[np.bool_]:
    """The voxels of one structure."""
    inside = np.zeros(grid, dtype=np.bool_)
    places = defaultdict(list)
    for contour in contours:
        places[contour.place].append(contour)
    for place, members in places.items():
        _check_nesting(members, grid[:2])
        inside[:, :, place] = fill_polygons([c.corners for c in members], grid[:2])
    for before, after in pairwise(sorted(places)):
        if after - before > 1 and (inside[:, :, before] & inside[:, :, after]).any():
            raise LabelError(
                "RTSTRUCT: contours skip slices of the image; interpolate them, or "
                "draw separate parts as structures of their own"
            )
    return inside


def _check_nesting(contours: Sequence[_Contour], shape: tuple[int, int]) -> None:
    """Refuse contours whose inside is unclear.

    Of two contours one may lie inside the other or beside it. Where they cross, one
    reader joins them and another takes out what they share.
    """
    simple = [contour.corners for contour in contours if not contour.crosses]
    for one, other in _touching(simple):
        areas = [fill_polygons([corners], shape) for corners in (one, other)]
        shared = np.count_nonzero(areas[0] & areas[1])
        sizes = [np.count_nonzero(area) for area in areas]
        if shared and (shared not in sizes or sizes[0] == sizes[1]):
            raise LabelError(
                "RTSTRUCT: contours of one structure cross or coincide; correct them, "
                "or export a segmentation"
            )


def _touching(
    polygons: Sequence[NDArray[np.float64]],
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The pairs of polygons whose bounding boxes overlap."""
    boxes = [(corners.min(axis=0), corners.max(axis=0)) for corners in polygons]
    for (one, box), (other, around) in combinations(
        zip(polygons, boxes, strict=True), 2
    ):
        if (box[0] <= around[1]).all() and (around[0] <= box[1]).all():
            yield one, other
