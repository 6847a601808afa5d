"""Where the slices of a series lie, and whether they make a volume.

Positions are DICOM's (LPS, mm) until `Stack.affine`, which is RAS+.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medinorm.config import GeometryConfig
from medinorm.errors import GeometryError

Floats = NDArray[np.float64]

_SAME_SPACING = 1e-3  # mm
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

_SAME_DIRECTION = 1e-3  # largest difference of direction cosines in one series
_UNIT_LENGTH = 1e-2  # largest deviation of direction cosines from an orthonormal pair
_SAME_PLACE = 0.01  # mm; slices closer than this lie on one another ...
_SAME_FRACTION = 0.05  # ... and those closer than this fraction of the usual distance
_GAP_FRACTION = 0.02  # a slice may miss its place by this fraction of the gap
_TILT = 0.1  # degrees; rounded headers stay well below
_MOST_GROWTH = 4  # slices of an even grid for each that there is
_HOLE = 10  # times the usual distance; so much is no spacing
_SAME_INDEX = 1e-6  # voxels


@dataclass(frozen=True)
class Planes:
    """Where N slices lie, as their headers say.

    Args:
        positions: ``(N, 3)``, centre of the first pixel, LPS mm.
        directions: ``(N, 2, 3)``, direction of growing column and of growing row.
        spacings: ``(N, 2)``, distance of rows and of columns, mm.
        shapes: ``(N, 2)``, number of rows and of columns.
        numbers: ``(N,)``, of each slice in its series, not-a-number if unknown. They
            only tell whether slices between two others are missing.
    """

    positions: Floats
    directions: Floats
    spacings: Floats
    shapes: NDArray[np.int64]
    numbers: Floats | None = None


@dataclass(frozen=True)
class Stack:
    """Slices in their order along the third axis of a volume.

    Args:
        order: ``(N,)``, which slice comes first, second, ...
        index: ``(N,)``, where each lies along the third axis, in voxels; whole numbers
            from 0 unless slices are to be interpolated onto an even grid.
        affine: ``(4, 4)``, voxel index (column, row, slice) to RAS+ mm.
        straighten: whether the volume is to be resampled onto a grid with right angles.
        changes: what the policy made of an uneven or tilted stack, in words.
    """

    order: NDArray[np.intp]
    index: Floats
    affine: Floats
    straighten: bool = False
    changes: tuple[str, ...] = ()

    @property
    def even(self) -> bool:
        """Whether each slice is one of the volume's."""
        return bool((self.index == np.arange(len(self.index))).all())


def stack_planes(planes: Planes, policy: GeometryConfig | None = None) -> Stack:
    """Order slices and place them in the world.

    The order comes from positions alone; file names and instance numbers do not count.
    Where distances are multiples of each other, consecutive numbers tell a spacing that
    changes from slices that are missing.
    The axes are those of the acquisition: column, row, slice along the normal.

    Args:
        planes: two or more slices.
        policy: what to do about tilt and uneven distances; by default refuse.

    Raises:
        GeometryError: the slices are no volume. The message begins with the verdict:
            ``no_geometry``, ``single_slice``, ``mixed_grid``, ``mixed_orientation``,
            ``duplicate``, ``missing_slices``, ``variable_spacing``, ``tilt`` or
            ``jitter``.

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
    policy = policy or GeometryConfig()
    _check_headers(planes)
    normal = np.cross(*planes.directions[0])
    heights = planes.positions @ normal
    order = np.argsort(heights, kind="stable")
    heights, positions = heights[order], planes.positions[order]
    index = np.arange(len(order), dtype=np.float64)
    changes = []
    if problem := _uneven(np.diff(heights), _consecutive(planes.numbers, order)):
        if policy.variable_spacing == "quarantine":
            raise GeometryError(f"{problem}; export the evenly spaced part")
        changes.append(f"{problem}: interpolated onto an even grid")
        index = _even_index(heights)
    step = (positions[-1] - positions[0]) / index[-1]
    if problem := _tilt(step, normal):
        if policy.tilt == "quarantine":
            raise GeometryError(
                f"{problem} (a tilted gantry); resample the series to a straight grid, "
                "or set ingest.geometry.tilt"
            )
        done = "kept in the affine" if policy.tilt == "keep_shear" else "resampled"
        changes.append(f"{problem}: {done}")
    straighten = bool(problem) and policy.tilt == "resample"
    affine = _affine(planes, positions[0], step)
    stack = Stack(order, index, affine, straighten, tuple(changes))
    _check_places(planes, stack)
    return stack


def same_directions(directions: Floats) -> NDArray[np.intp]:
    """A number for the direction of each slice, the same for parallel ones.

    Args:
        directions: ``(N, 2, 3)``; unknown ones are not-a-numbers and count as one more.
    """
    if np.ptp(directions, axis=0).max() <= _SAME_DIRECTION:
        return np.zeros(len(directions), dtype=np.intp)
    known: list[Floats] = []
    numbers = np.empty(len(directions), dtype=np.intp)
    for place, direction in enumerate(directions):
        near = [
            number
            for number, other in enumerate(known)
            if np.array_equal(np.isnan(direction), np.isnan(other))
            and not (np.abs(direction - other) > _SAME_DIRECTION).any()
        ]
        if not near:
            known.append(direction)
        numbers[place] = near[0] if near else len(known) - 1
    return numbers


def place_numbers(planes: Planes) -> NDArray[np.intp]:
    """A number for the place of each slice, the same for slices on one another.

    Slices that are not parallel, or do not say where they lie, have places of their
    own.
    """
    count = len(planes.positions)
    parallel = same_directions(planes.directions).max(initial=0) == 0
    known = all(np.isfinite(v).all() for v in (planes.positions, planes.directions))
    if not (parallel and known):
        return np.arange(count)
    heights = planes.positions @ np.cross(*planes.directions[0])
    order = np.argsort(heights, kind="stable")
    numbers = np.empty(count, dtype=np.intp)
    nearby: list[int] = []  # one slice of each place at about this height
    for slice_ in order:
        nearby = [n for n in nearby if heights[slice_] - heights[n] <= _SAME_PLACE]
        distances = planes.positions[nearby] - planes.positions[slice_]
        same = np.flatnonzero(np.linalg.norm(distances, axis=1) <= 2 * _SAME_PLACE)
        if len(same):
            numbers[slice_] = numbers[nearby[same[0]]]
        else:
            numbers[slice_] = slice_
            nearby.append(int(slice_))
    return numbers


def _check_headers(planes: Planes) -> None:
    """Refuse slices whose headers are incomplete, impossible or contradictory."""
    headers = (planes.positions, planes.directions, planes.spacings)
    if not all(np.isfinite(values).all() for values in headers):
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
    range_ = np.ptp(planes.spacings, axis=0).max()
    if np.ptp(planes.shapes, axis=0).any() or range_ > _SAME_SPACING:
        raise GeometryError(
            "mixed_grid: slices differ in size or pixel spacing; export them as "
            "separate series"
        )


def _consecutive(numbers: Floats | None, order: NDArray[np.intp]) -> bool:
    """Whether slices in their order are numbered without a gap.

    Several volumes of one series may take turns: then the steps are larger.
    """
    if numbers is None or not np.isfinite(numbers).all():
        return False
    steps = np.diff(numbers[order])
    return bool(steps[0] != 0 and (steps == steps[0]).all())


def _uneven(gaps: Floats, consecutive: bool) -> str:
    """The verdict on slices at uneven distances, empty if they are even.

    Args:
        gaps: distances of neighbours, in mm.
        consecutive: whether the numbers of the slices say that none is missing.

    Raises:
        GeometryError: slices lie at the same height, or some are missing.
    """
    same = max(_SAME_PLACE, _SAME_FRACTION * float(np.median(gaps)))
    doubled = int((gaps < same).sum())
    if doubled:
        raise GeometryError(duplicate(doubled, len(gaps) + 1))
    gap = float(gaps.min())
    tolerance = max(_GAP_FRACTION * gap, _SAME_PLACE)
    if np.ptp(gaps) <= tolerance:
        return ""
    multiples = np.rint(gaps / gap)
    # Each gap has this tolerance; n gaps together have n times as much.
    regular = (np.abs(gaps - multiples * gap) <= tolerance * multiples).all()
    if regular and not consecutive:
        raise GeometryError(_missing(multiples))
    return (
        f"variable_spacing: distances of slices range from {gap:.4g} to "
        f"{gaps.max():.4g} mm"
    )


def duplicate(doubled: int, count: int, kind: str = "") -> str:
    """The verdict on slices at one place.

    Args:
        doubled: how many lie where another lies.
        count: how many there are.
        kind: whether their pixels are the same, if that is known.
    """
    return (
        f"duplicate: {doubled} of {count} slices lie where another lies"
        f"{', ' if kind else ''}{kind} (repeated files, time points or echoes); export "
        "one volume a series"
    )


def _missing(multiples: Floats) -> str:
    """The verdict on gaps that are multiples of the smallest."""
    holes = np.flatnonzero(multiples > 1)
    count = int((multiples - 1).sum())
    return (
        f"missing_slices: {count} missing, the first after slice {holes[0] + 1} of "
        f"{len(multiples) + 1}; copy the whole series again"
    )


def _even_index(heights: Floats) -> Floats:
    """Where slices lie on an even grid from the first to the last of them.

    Its gap is about the smallest distance, so that nothing is lost, but one small
    distance among large ones does not multiply the slices.

    Raises:
        GeometryError: the grid would have many more slices than there are, most of them
            in one hole.
    """
    extent = heights[-1] - heights[0]
    gaps = np.diff(heights)
    most = _MOST_GROWTH * len(heights)
    last = int(np.rint(extent / gaps.min()))
    if last > most and gaps.max() > _HOLE * np.median(gaps):
        raise GeometryError(
            f"variable_spacing: an even grid needs {last + 1} slices for the "
            f"{len(heights)} there are; export the evenly spaced part"
        )
    last = min(last, most)
    index: Floats = (heights - heights[0]) / extent * last
    whole = np.rint(index)
    return np.where(np.abs(index - whole) < _SAME_INDEX, whole, index)


def _tilt(step: Floats, normal: Floats) -> str:
    """The verdict on slices shifted along themselves, empty if they are not."""
    across = np.linalg.norm(step - (step @ normal) * normal)
    angle = float(np.degrees(np.arctan2(across, abs(step @ normal))))
    if angle <= _TILT:
        return ""
    return f"tilt: slices are shifted sideways by {angle:.1f} degrees"


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
        index = stack.index
        voxels = np.stack(
            [np.full_like(index, column), np.full_like(index, row), index], axis=1
        )
        placed = voxels @ stack.affine[:3, :3].T + stack.affine[:3, 3]
        error = placed - said[stack.order] * [-1.0, -1.0, 1.0]
        worst = max(worst, float(np.linalg.norm(error, axis=1).max()))
    gap = float(np.linalg.norm(stack.affine[:3, 2]))
    if worst > max(_GAP_FRACTION * gap, 10 * _SAME_PLACE):
        raise GeometryError(
            f"jitter: a slice lies {worst:.3g} mm from its place in an even stack; "
            "export the series again"
        )
