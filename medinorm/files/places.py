"""Where a NIfTI header puts its voxels: sform, qform and voxel sizes may disagree.

Almost all headers agree with themselves. Bounds in a few plain numbers say so, and only
where they do not are matrices decomposed: that costs more than reading a header.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from medinorm.errors import GeometryError

Affine = NDArray[np.float64]
Sizes = NDArray[np.float64]
Grid = tuple[int, int, int]

# Corners of one header's transforms may lie this far apart, in voxels: quaternions in
# single precision turn a large volume by up to a third of one.
_ROUNDING = 0.5
_SIZE_ROUNDING = 0.01  # of a voxel's size: some tools write two decimals

_MOST_SKEWED = 1e4  # condition of the directions of axes that still span space
_SPANNED = 1e-3  # volume spanned by three directions that are surely not too skewed
_SMALLEST, _LARGEST = 1e-30, 1e30  # mm; products of others may leave the numbers
_SURELY = 0.99  # of a limit: below it rounding cannot matter


@dataclass(frozen=True)
class Place:
    """One place where a header puts the voxels.

    Args:
        source: what says so: ``sform``, ``qform`` or ``pixdim``.
        affine: shape ``(4, 4)``, voxel index to RAS+ mm.
    """

    source: str
    affine: Affine

    @property
    def sizes(self) -> Sizes:
        """Sizes of a voxel, in mm."""
        return voxel_sizes(self.affine)


def voxel_sizes(affine: Affine) -> Sizes:
    """Distances of voxel centres along the three axes, in mm."""
    return np.asarray(np.linalg.norm(affine[:3, :3], axis=0))


def places_of(header: Any, sizes: Sizes | None = None) -> tuple[Place, ...]:
    """All places that a header names, the preferred one first.

    A qform holds the voxel sizes too. Without a qform the sizes stand for themselves:
    they may contradict the sform.

    Args:
        header: of nibabel.
        sizes: `pixdim` as the file has it, before nibabel repaired it.

    Raises:
        GeometryError: there is none at all.
    """
    known = sizes is None or bool(np.isfinite(sizes).all() and np.all(sizes))
    places = []
    if header["sform_code"] > 0:
        places.append(Place("sform", _as_affine(header.get_sform())))
    if header["qform_code"] > 0 and known:
        places += _qform(header)
    if header["qform_code"] <= 0 and places and sizes is not None and known:
        own = voxel_sizes(places[0].affine)
        scale = np.divide(np.abs(sizes), own, out=np.ones(3), where=own > 0)
        places.append(Place("pixdim", places[0].affine @ np.diag([*scale, 1.0])))
    if not places and not known:
        raise GeometryError("voxel sizes are 0 or not finite; repair the header")
    return tuple(places) or (Place("pixdim", _as_affine(header.get_base_affine())),)


def _qform(header: Any) -> list[Place]:
    """The qform, unless its quaternion is none."""
    try:
        return [Place("qform", _as_affine(header.get_qform()))]
    except (HeaderDataError, ValueError):
        return []


def _as_affine(matrix: Any) -> Affine:
    return np.asarray(matrix, dtype=np.float64)


def is_singular(affine: Affine) -> bool:
    """Whether an affine is not finite or its axes span no space, at any scale.

    Examples:
        >>> is_singular(np.diag([8e-4, 8e-4, 8e-4, 1])), is_singular(np.zeros((4, 4)))
        (False, True)
    """
    # Of unit vectors that span a volume v, the condition is at most 2.6 / v.
    if _measure_axes(affine)[1] > _SPANNED:
        return False
    sizes = voxel_sizes(affine)
    if not np.isfinite(affine).all() or not sizes.all():
        return True
    return bool(np.linalg.cond(affine[:3, :3] / sizes) > _MOST_SKEWED)


def _measure_axes(affine: Affine) -> tuple[float, float]:
    """The smallest size of a voxel, and the volume that the directions of axes span.

    The volume is 1 for right angles, and 0 also where these numbers are not sure: the
    affine is not finite, or far from any size of a voxel.
    """
    (a, b, c, x), (d, e, f, y), (g, h, i, z), _ = affine.tolist()
    sizes = math.hypot(a, d, g), math.hypot(b, e, h), math.hypot(c, f, i)
    total = sum((*sizes, abs(x), abs(y), abs(z)))  # not a number if one of them is not
    if not (min(sizes) > _SMALLEST and total < _LARGEST):
        return 0.0, 0.0
    spanned = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return min(sizes), abs(spanned) / math.prod(sizes)


def corners_agree(grid: Grid, one: Affine, other: Affine, tolerance: float) -> bool:
    """Whether corresponding corners lie within a tolerance along each axis.

    Args:
        grid: number of voxels along the axes.
        one: the affine whose voxels are the unit.
        other: the affine to compare with.
        tolerance: in voxels.
    """
    if _farthest_corner(grid, one, other) <= _SURELY * tolerance:
        return True
    return corner_distance(grid, one, other) <= tolerance


def _farthest_corner(grid: Grid, one: Affine, other: Affine) -> float:
    """An upper bound of `corner_distance`; infinity where there is no cheap one."""
    smallest, volume = _measure_axes(one)
    if volume <= _SPANNED:
        return math.inf
    x, y, z = (size - 1 for size in grid)
    moved = [
        abs(i) * x + abs(j) * y + abs(k) * z + abs(shift)
        for i, j, k, shift in (other - one)[:3].tolist()
    ]
    # The inverse of unit vectors that span a volume v has a norm of at most 1.5 / v.
    return 1.5 / volume * math.hypot(*moved) / smallest


def corner_distance(grid: Grid, one: Affine, other: Affine) -> float:
    """Largest distance of corresponding corners along an axis, in voxels of `one`."""
    ends = [(0, size - 1) for size in grid]
    axes = np.meshgrid(*ends, [1], indexing="ij")
    corners = np.stack([axis.ravel() for axis in axes]).astype(np.float64)
    steps = np.linalg.solve(one[:3, :3], ((other - one) @ corners)[:3])
    return float(np.abs(steps).max())


def differ(grid: Grid, one: Place, other: Place) -> bool:
    """Whether two places of a header contradict each other, beyond rounding."""
    if _differ_in_size(one, other):
        return True
    return not corners_agree(grid, one.affine, other.affine, _ROUNDING)


def _differ_in_size(one: Place, other: Place) -> bool:
    """Whether the voxels of two places differ in size, beyond rounding."""
    pairs = zip(one.sizes.tolist(), other.sizes.tolist(), strict=True)
    return any(not abs(a - b) <= _SIZE_ROUNDING * abs(b) for a, b in pairs)


def describe_difference(one: Place, other: Place) -> str:
    """What two places disagree about.

    Examples:
        >>> sform = Place("sform", np.eye(4))
        >>> describe_difference(sform, Place("qform", np.diag([-1.0, 1, 1, 1])))
        'sform and qform contradict each other (mirrored)'
        >>> describe_difference(sform, Place("pixdim", np.diag([2.0, 2, 3, 1])))
        'sform and pixdim contradict each other (voxels of 1x1x1 and 2x2x3 mm)'
    """
    if _differ_in_size(one, other):
        sizes = [
            "x".join(f"{size:.4g}" for size in place.sizes) for place in (one, other)
        ]
        what = f"voxels of {sizes[0]} and {sizes[1]} mm"
    elif np.linalg.det(one.affine) * np.linalg.det(other.affine) < 0:
        what = "mirrored"
    elif np.abs(one.affine[:3, :3] - other.affine[:3, :3]).max() > 1e-3 * min(
        one.sizes
    ):
        what = "turned"
    else:
        what = "moved"
    return f"{one.source} and {other.source} contradict each other ({what})"


def _times(sizes: Sizes) -> str:
    return "x".join(f"{size:.4g}" for size in sizes)
