r"""Surface elements with their areas: the surface as marching cubes draws it.

A mask is looked at in cells between eight neighbouring voxels. A cell that holds voxels
inside and outside of the mask is cut by its surface. Which of the eight are inside is
its code, 0 to 255. Outside of the image is outside of the mask.

The area of the surface in a cell follows from its code by geometry alone. The surface
cuts each edge of the cell between inside and outside in the middle. On each face of the
cell the cuts are joined; where a face has its inside corners on a diagonal, those
corners are cut off that are in the minority in the cell (the inside, where both are
four). The lines of all faces close to loops, and each loop is covered by triangles
around its centre of gravity. That is the same for a cell, its mirror images and its
complement.

Weighted by area, a surface that is oblique to the voxels counts as much as one along
them. Counting voxels (`medinorm.score.surfaces`) does not have this property.

References:
    Lorensen and Cline, "Marching cubes", SIGGRAPH 1987, doi:10.1145/37401.37422.
    Nikolov et al., "Clinically applicable segmentation of head and neck anatomy for
    radiotherapy", J Med Internet Res 2021, doi:10.2196/26151.
"""

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medinorm.score.overlaps import Labels
from medinorm.score.surfaces import Box, Points

Corner = tuple[int, ...]
Edge = frozenset[Corner]
Areas = NDArray[np.float64]

CORNERS: tuple[Corner, ...] = tuple(product((0, 1), repeat=3))  # bits of a code
_CODES = 256
_HALF = 4  # corners of a cell


class SurfaceElements(NamedTuple):
    """The cells that a surface cuts.

    Args:
        points: indices of the cells, shape ``(n, 3)``; cell i lies half a voxel before
            voxel i.
        areas: of the surface in each cell, in mm².
    """

    points: Points
    areas: Areas


def surface_elements(
    labels: Labels, value: int, box: Box, spacing: Sequence[float]
) -> SurfaceElements:
    """The surface of one label.

    Args:
        labels: the label map, shape ``(X, Y, Z)``.
        value: the label.
        box: its bounding box in `labels`.
        spacing: distance of voxel centres along the axes, in mm.

    Examples:
        >>> one = np.ones((1, 1, 1), np.uint8)  # a voxel is drawn as an octahedron
        >>> found = surface_elements(one, 1, (slice(0, 1),) * 3, (1, 1, 1))
        >>> len(found.points), round(found.areas.sum().item(), 3)
        (8, 1.732)
    """
    codes = np.pad(labels[box] == value, 1).view(np.uint8)
    # The bits of `CORNERS`: pairs of voxels along the last axis, then pairs of pairs.
    for axis, shift in ((2, 1), (1, 2), (0, 4)):
        view = np.moveaxis(codes, axis, 0)
        codes = np.moveaxis(view[:-1] | (view[1:] << np.uint8(shift)), 0, axis)
    places = np.flatnonzero((codes != 0) & (codes != _CODES - 1))
    first = np.array([side.start for side in box], dtype=np.int64)
    points: Points = np.stack(np.unravel_index(places, codes.shape)).T + first
    areas = cell_areas(*map(float, spacing))
    return SurfaceElements(points, areas[codes.reshape(-1)[places]])


@cache
def cell_areas(x: float, y: float, z: float) -> Areas:
    """The area of the surface in a cell of each code, in mm², shape ``(256,)``.

    Args:
        x: distance of voxel centres along the first axis, in mm.
        y: along the second.
        z: along the third.

    Examples:
        >>> half = sum(1 << bit for bit, corner in enumerate(CORNERS) if corner[0])
        >>> cell_areas(1.0, 2.0, 3.0)[half].item()  # a plane across the first axis
        6.0
    """
    scale = np.array([x, y, z])
    return np.array(
        [_measure_loops(_find_loops(code), scale) for code in range(_CODES)]
    )


def _measure_loops(loops: Sequence[NDArray[np.float64]], scale: Areas) -> float:
    """Area of triangles from the centre of gravity of each loop to its sides."""
    total = 0.0
    for loop in loops:
        spokes = (loop - loop.mean(axis=0)) * scale
        sides = np.cross(spokes, np.roll(spokes, -1, axis=0))
        total += float(np.linalg.norm(sides, axis=1).sum()) / 2
    return total


@cache
def _find_loops(code: int) -> tuple[NDArray[np.float64], ...]:
    """The loops in which the surface crosses the faces of a cell.

    Returns:
        The corners of each loop, in order, shape ``(n, 3)`` in a cell of unit length.
    """
    inside = {corner for bit, corner in enumerate(CORNERS) if code >> bit & 1}
    beside: dict[Edge, list[Edge]] = {}
    for face in _faces():
        for one, other in _join_cuts(face, inside):
            beside.setdefault(one, []).append(other)
            beside.setdefault(other, []).append(one)
    loops = []
    while beside:
        edge = next(iter(beside))
        loop = []
        while edge in beside:
            loop.append(np.mean(list(edge), axis=0))
            one, other = beside.pop(edge)
            edge = one if one in beside else other
        loops.append(np.array(loop))
    return tuple(loops)


def _faces() -> list[list[Corner]]:
    """The corners of each face of a cell, in order around it."""
    faces = []
    for axis, side in product(range(3), (0, 1)):
        around = [(0, 0), (1, 0), (1, 1), (0, 1)]
        faces.append([(*c[:axis], side, *c[axis:]) for c in around])
    return faces


def _join_cuts(face: list[Corner], inside: set[Corner]) -> list[tuple[Edge, Edge]]:
    """Pairs of edges of a face between which the surface crosses it."""
    neighbours = zip(face, face[1:] + face[:1], strict=True)
    cut = [
        frozenset(pair) for pair in neighbours if len(inside.intersection(pair)) == 1
    ]
    if len(cut) < len(face):
        return [(cut[0], cut[1])] if cut else []
    minority = len(inside) <= _HALF
    apart = [corner for corner in face if (corner in inside) == minority]
    return [tuple(edge for edge in cut if corner in edge) for corner in apart]  # type: ignore[misc]
