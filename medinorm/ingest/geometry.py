"""Where the slices of a series lie, and whether they make a volume.

Positions are DICOM's (LPS, mm) until `Stack.affine`, which is RAS+.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medinorm.errors import GeometryError

Floats = NDArray[np.float64]

_SAME_SPACING = 1e-3  # mm
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

_SAME_DIRECTION = 1e-3  # largest difference of direction cosines in one series
_UNIT_LENGTH = 1e-2  # largest deviation of direction cosines from an orthonormal pair
_SAME_PLACE = 0.01  # mm; slices closer than this lie on one another ...
_SAME_PART = 0.05  # ... and those closer than this part of the usual distance
_PART_OF_GAP = 0.02  # a slice may miss its place by this part of the gap
_TILT = 0.1  # degrees; rounded headers stay well below


@dataclass(frozen=True)
class Planes:
    """Where N slices lie, as their headers say.

    Args:
        positions: ``(N, 3)``, centre of the first pixel, LPS mm.
        directions: ``(N, 2, 3)``, direction of growing column and of growing row.
        spacings: ``(N, 2)``, distance of rows and of columns, mm.
        shapes: ``(N, 2)``, number of rows and of columns.
    """

    positions: Floats
    directions: Floats
    spacings: Floats
    shapes: NDArray[np.int64]


@dataclass(frozen=True)
class Stack:
    """Slices in their order along the third axis of a volume.

    Args:
        order: ``(N,)``, which slice comes first, second, ...
        affine: ``(4, 4)``, voxel index (column, row, slice) to RAS+ mm.
    """

    order: NDArray[np.intp]
    affine: Floats


def stack_planes(planes: Planes) -> Stack:
    """Order slices and place them in the world.

    The order comes from positions alone; file names and instance numbers do not count.
    The axes are those of the acquisition: column, row, slice along the normal.

    Args:
        planes: two or more slices.

    Raises:
        GeometryError: the slices are no volume. The message begins with the verdict:
            ``no_geometry``, ``single_slice``, ``mixed_grid``, ``mixed_orientation``,
            ``duplicate``, ``missing_slices``, ``variable_spacing`` or ``tilt``.

    Examples:
        >>> planes = Planes(
        ...     positions=np.array([[0.0, 0, 4], [0, 0, 0], [0, 0, 2]]),
        ...     directions=np.tile(np.eye(3)[:2], (3, 1, 1)),
        ...     spacings=np.ones((3, 2)),
        ...     shapes=np.full((3, 2), 64),
        ... )
        >>> stack_planes(planes).order.tolist()
        [1, 2, 0]
    """
    _check_headers(planes)
    normal = np.cross(*planes.directions[0])
    heights = planes.positions @ normal
    order = np.argsort(heights, kind="stable")
    _check_gaps(np.diff(heights[order]))
    positions = planes.positions[order]
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    _check_tilt(step, normal)
    stack = Stack(order, _affine(planes, positions[0], step))
    _check_places(planes, stack)
    return stack


def _check_headers(planes: Planes) -> None:
    """Refuse slices that say nothing, nonsense or different things."""
    given = (planes.positions, planes.directions, planes.spacings)
    if not all(np.isfinite(values).all() for values in given):
        raise GeometryError(
            "no_geometry: position, orientation or pixel spacing is missing; "
            "export the series with its full headers"
        )
    products = planes.directions @ planes.directions.transpose(0, 2, 1)
    if np.abs(products - np.eye(2)).max() > _UNIT_LENGTH or planes.spacings.min() <= 0:
        raise GeometryError(
            "no_geometry: orientation or pixel spacing is impossible; export it again"
        )
    if len(planes.positions) == 1:
        raise GeometryError("single_slice: one slice is not a volume")
    if np.ptp(planes.directions, axis=0).max() > _SAME_DIRECTION:
        raise GeometryError(
            "mixed_orientation: slices do not lie parallel; export each orientation "
            "as a series of its own"
        )
    spread = np.ptp(planes.spacings, axis=0).max()
    if np.ptp(planes.shapes, axis=0).any() or spread > _SAME_SPACING:
        raise GeometryError(
            "mixed_grid: slices differ in size or pixel spacing; export them as "
            "separate series"
        )


def _check_gaps(gaps: Floats) -> None:
    """Refuse slices at the same height or at uneven distances."""
    same = max(_SAME_PLACE, _SAME_PART * float(np.median(gaps)))
    doubled = int((gaps < same).sum())
    if doubled:
        raise GeometryError(
            f"duplicate: {doubled} of {len(gaps) + 1} slices lie where another lies "
            "(repeated files, time points or echoes); export one volume a series"
        )
    gap = float(gaps.min())
    tolerance = max(_PART_OF_GAP * gap, _SAME_PLACE)
    if np.ptp(gaps) <= tolerance:
        return
    multiples = np.rint(gaps / gap)
    # Each gap may be off by a little; a multiple of the gap by that much for each part.
    if (np.abs(gaps - multiples * gap) <= tolerance * multiples).all():
        raise GeometryError(_missing(multiples))
    raise GeometryError(
        f"variable_spacing: distances of slices range from {gap:.4g} to "
        f"{gaps.max():.4g} mm; export the evenly spaced part"
    )


def _missing(multiples: Floats) -> str:
    """The verdict on gaps that are multiples of the smallest."""
    holes = np.flatnonzero(multiples > 1)
    count = int((multiples - 1).sum())
    return (
        f"missing_slices: {count} missing, the first after slice {holes[0] + 1} of "
        f"{len(multiples) + 1}; copy the whole series again"
    )


def _check_tilt(step: Floats, normal: Floats) -> None:
    """Refuse slices that are shifted along themselves from one to the next."""
    across = np.linalg.norm(step - (step @ normal) * normal)
    angle = float(np.degrees(np.arctan2(across, abs(step @ normal))))
    if angle > _TILT:
        raise GeometryError(
            f"tilt: slices are shifted sideways by {angle:.1f} degrees (a tilted "
            "gantry); resample the series to a straight grid first"
        )


def _affine(planes: Planes, origin: Floats, step: Floats) -> Floats:
    """Voxel index to RAS+ mm."""
    along_columns, along_rows = planes.directions[0]
    between_rows, between_columns = planes.spacings[0]
    affine = np.eye(4)
    affine[:3, 0] = along_columns * between_columns
    affine[:3, 1] = along_rows * between_rows
    affine[:3, 2] = step
    affine[:3, 3] = origin
    return _LPS_TO_RAS @ affine


def _check_places(planes: Planes, stack: Stack) -> None:
    """Compare the first and the last pixel of each slice with its own header."""
    rows, columns = planes.shapes[0]
    worst = 0.0
    for row, column in ((0, 0), (rows - 1, columns - 1)):
        offset = np.array([column, row]) * planes.spacings[:, ::-1]
        said = planes.positions + np.einsum("ni,nij->nj", offset, planes.directions)
        index = np.arange(len(stack.order))
        voxels = np.stack(
            [np.full_like(index, column), np.full_like(index, row), index], axis=1
        )
        placed = voxels @ stack.affine[:3, :3].T + stack.affine[:3, 3]
        error = placed - said[stack.order] * [-1.0, -1.0, 1.0]
        worst = max(worst, float(np.linalg.norm(error, axis=1).max()))
    gap = float(np.linalg.norm(stack.affine[:3, 2]))
    if worst > max(_PART_OF_GAP * gap, 10 * _SAME_PLACE):
        raise GeometryError(
            f"jitter: a slice lies {worst:.3g} mm from its place in an even stack; "
            "export the series again"
        )
