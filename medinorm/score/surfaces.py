"""Surfaces of labels, and how far they are from each other.

The surface of a mask consists of its voxels that have at least one of their six face
neighbours outside of the mask. Outside of the image is outside of the mask. Distances
are in mm between voxel centres.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from scipy.spatial import KDTree

from medinorm.score.overlaps import Labels

Points = NDArray[np.int64]
Box = tuple[slice, ...]

_SURROUNDINGS = 4  # voxels along the finest axis


def bounding_boxes(labels: Labels) -> dict[int, Box]:
    """The smallest box around each label that occurs, in one pass."""
    boxes = find_objects(labels)
    return {value: box for value, box in enumerate(boxes, start=1) if box is not None}


def surface_points(labels: Labels, value: int, box: Box) -> Points:
    """Voxel indices of the surface of one label.

    Args:
        labels: the label map.
        value: the label.
        box: its bounding box in `labels`.

    Returns:
        Indices, shape ``(points, axes)``.
    """
    mask = labels[box] == value
    edge = mask & ~_inside(mask)
    corner = np.array([side.start for side in box], dtype=np.int64)
    within = np.unravel_index(np.flatnonzero(edge), edge.shape)
    points: Points = np.stack(within, axis=1) + corner
    return points


def surface_distances(
    points: Points, others: Points, spacing: Sequence[float]
) -> NDArray[np.float64]:
    """Distance of each voxel to the nearest of the others, in mm.

    Surfaces of a label map and its prediction lie close to each other. Therefore the
    surroundings of each voxel are searched first, nearest first. A KD-tree is searched
    only for voxels that have none of the others within a few voxels.

    Args:
        points: voxel indices, shape ``(n, axes)``.
        others: voxel indices, shape ``(m, axes)``, m at least 1.
        spacing: distance of voxel centres along the axes, in mm.
    """
    steps, lengths = _steps_by_length(spacing)
    margin = np.abs(steps).max(axis=0)
    low = np.minimum(points.min(axis=0), others.min(axis=0)) - margin
    shape = np.maximum(points.max(axis=0), others.max(axis=0)) + margin + 1 - low
    strides = np.append(np.cumprod(shape[:0:-1])[::-1], 1)
    taken = np.zeros(int(np.prod(shape)), dtype=np.bool_)
    taken[(others - low) @ strides] = True
    distances = np.empty(len(points))
    far, places = np.arange(len(points)), (points - low) @ strides
    for step, length in zip(steps @ strides, lengths, strict=True):
        reached = taken[places + step]
        distances[far[reached]] = length
        far, places = far[~reached], places[~reached]
    if far.size:
        distances[far] = _search_tree(points[far], others, spacing)
    return distances


def _inside(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels whose face neighbours all are in the mask.

    The same as scipy's erosion, in a twentieth of the time.
    """
    inside = np.ones_like(mask)
    for axis in range(mask.ndim):
        view, along = np.moveaxis(inside, axis, 0), np.moveaxis(mask, axis, 0)
        view[1:] &= along[:-1]
        view[:-1] &= along[1:]
        view[[0, -1]] = False
    return inside


def _steps_by_length(spacing: Sequence[float]) -> tuple[Points, NDArray[np.float64]]:
    """All steps to a voxel nearby, shortest first, and their lengths in mm."""
    reach = _SURROUNDINGS * min(spacing)
    spans = [np.arange(-int(reach / s), int(reach / s) + 1) for s in spacing]
    steps = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1)
    steps = steps.reshape(-1, len(spans))
    lengths = np.linalg.norm(steps * np.asarray(spacing), axis=1)
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] <= reach]
    return steps[order], lengths[order]


def _search_tree(
    points: Points, others: Points, spacing: Sequence[float]
) -> NDArray[np.float64]:
    """Distance of each voxel to the nearest of the others, by a KD-tree."""
    scale = np.asarray(spacing, dtype=np.float64)
    # Voxels of a surface do not fill a volume evenly: scipy's default tree takes
    # twice as long to build and is searched 1.3 times slower.
    tree = KDTree(others * scale, balanced_tree=False, compact_nodes=False)
    return np.asarray(tree.query(points * scale)[0], dtype=np.float64)
