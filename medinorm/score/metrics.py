"""How well a predicted label map agrees with the true one.

The definitions are those of Metrics Reloaded and of MONAI, from which only the policy
for empty masks differs: a structure that was missed is the worst score, never left out.

- *Surface*: the voxels of a mask with at least one of their six face neighbours outside
  it; outside the image is outside the mask.
- *HD95*: the larger of the two directed 95th percentiles of the distances between the
  surfaces, in mm between voxel centres; percentiles interpolate linearly. (Pooling both
  directions before taking the percentile is another definition, and never larger.)
- *NSD*: share of the surface voxels of both masks that lie within the tolerance of the
  other surface. Voxels count, not their areas.

References:
    Maier-Hein, Reinke et al., "Metrics reloaded: recommendations for image analysis
    validation", Nature Methods 2024, doi:10.1038/s41592-023-02151-z.
    Nikolov et al., "Clinically applicable segmentation of head and neck anatomy for
    radiotherapy", J Med Internet Res 2021, doi:10.2196/26151 (NSD).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from scipy.spatial import KDTree

Labels = NDArray[np.uint8]
Points = NDArray[np.int64]
Box = tuple[slice, ...]

_PERCENTILE = 95
_VOXELS_AT_ONCE = 2**20  # counting needs eight bytes a voxel
_SURROUNDINGS = 4  # voxels along the finest axis
_ROUNDING = 1e-6  # mm: a distance equal to the tolerance is within it


@dataclass(frozen=True)
class Overlaps:
    """Voxel counts of each label, shape ``(L,)``.

    Args:
        shared: voxels with the label in both maps.
        label: voxels with the label in the true map.
        prediction: voxels with the label in the predicted map.
    """

    shared: NDArray[np.int64]
    label: NDArray[np.int64]
    prediction: NDArray[np.int64]


@dataclass(frozen=True)
class Agreement:
    """How well one label was predicted; NaN where neither map has it.

    Args:
        dice: Dice coefficient, 0 to 1.
        nsd: normalized surface Dice, 0 to 1.
        hd95: 95th percentile Hausdorff distance, in mm.
        voxels_label: voxels with the label in the true map.
        voxels_prediction: voxels with the label in the predicted map.
    """

    dice: float
    nsd: float
    hd95: float
    voxels_label: int
    voxels_prediction: int


def compare_label_maps(
    label: Labels,
    prediction: Labels,
    values: Sequence[int],
    spacing: Sequence[float],
    tolerance: float,
) -> list[Agreement]:
    """Compare two label maps, label by label.

    A label that only one of the maps has scores Dice 0, NSD 0 and, as HD95, the
    diagonal of the image; a label that neither has is not scored (NaN).

    Args:
        label: the true map, shape ``(X, Y, Z)``.
        prediction: the predicted map, same shape.
        values: the labels to compare, each 1 to 255.
        spacing: distance of voxel centres along the axes, in mm.
        tolerance: of the NSD, in mm.

    Returns:
        One agreement for each of `values`.

    Raises:
        ValueError: the shapes differ.

    Examples:
        >>> true = np.zeros((8, 8, 8), np.uint8)
        >>> true[2:6, 2:6, 2:6] = 1
        >>> found = compare_label_maps(true, np.roll(true, 1, 0), [1], (2, 1, 1), 1)
        >>> found[0].dice, found[0].hd95
        (0.75, 2.0)
    """
    overlaps = count_overlaps(label, prediction, values)
    boxes = bounding_boxes(label), bounding_boxes(prediction)
    diagonal = image_diagonal(label.shape, spacing)
    agreements = []
    for index, value in enumerate(values):
        counts = int(overlaps.label[index]), int(overlaps.prediction[index])
        if not any(counts):
            scores = (math.nan, math.nan, math.nan)
        elif not all(counts):
            scores = (0.0, 0.0, diagonal)
        else:
            dice = 2.0 * int(overlaps.shared[index]) / sum(counts)
            surfaces = (
                surface_points(label, value, boxes[0][value]),
                surface_points(prediction, value, boxes[1][value]),
            )
            scores = (dice, *_surface_scores(*surfaces, spacing, tolerance))
        agreements.append(Agreement(*scores, *counts))
    return agreements


def miss(shape: Sequence[int], spacing: Sequence[float]) -> tuple[float, float, float]:
    """Dice, NSD and HD95 of a scan without a usable prediction.

    Examples:
        >>> miss((3, 4, 12), (1, 1, 1))
        (0.0, 0.0, 13.0)
    """
    return 0.0, 0.0, image_diagonal(shape, spacing)


def count_overlaps(
    label: Labels, prediction: Labels, values: Sequence[int]
) -> Overlaps:
    """Count the voxels of all labels in one pass, by a confusion matrix.

    Args:
        label: the true map, any shape.
        prediction: the predicted map, same shape.
        values: the labels to count, each 1 to 255; other values are background.

    Raises:
        ValueError: the shapes differ.
    """
    if label.shape != prediction.shape:
        raise ValueError("the label map and the prediction differ in shape")
    classes = len(values) + 1
    place = np.zeros(256, np.uint16)
    place[list(values)] = np.arange(1, classes)
    confusion = np.zeros(classes**2, np.int64)
    true, predicted = label.reshape(-1), prediction.reshape(-1)
    for start in range(0, true.size, _VOXELS_AT_ONCE):
        part = slice(start, start + _VOXELS_AT_ONCE)
        pairs = place[true[part]] * np.uint16(classes) + place[predicted[part]]
        confusion += np.bincount(pairs, minlength=classes**2)
    table = confusion.reshape(classes, classes)
    return Overlaps(
        shared=table.diagonal()[1:].copy(),
        label=table.sum(axis=1)[1:],
        prediction=table.sum(axis=0)[1:],
    )


def bounding_boxes(labels: Labels) -> dict[int, Box]:
    """The smallest box around each label that occurs, in one pass."""
    found = find_objects(labels)
    return {value: box for value, box in enumerate(found, start=1) if box is not None}


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

    Surfaces of a label map and its prediction lie close to each other, so the
    surroundings of each voxel are looked at first, nearest first; only voxels that
    have none of the others within a few voxels go on to a KD-tree.

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
        found = taken[places + step]
        distances[far[found]] = length
        far, places = far[~found], places[~found]
    if far.size:
        distances[far] = _search_tree(points[far], others, spacing)
    return distances


def image_diagonal(shape: Sequence[int], spacing: Sequence[float]) -> float:
    """Length of the diagonal of an image, border to border, in mm."""
    return math.hypot(*(n * step for n, step in zip(shape, spacing, strict=True)))


def _surface_scores(
    label: Points,
    prediction: Points,
    spacing: Sequence[float],
    tolerance: float,
) -> tuple[float, float]:
    """NSD and HD95 of two surfaces."""
    directed = (
        surface_distances(label, prediction, spacing),
        surface_distances(prediction, label, spacing),
    )
    hd95 = max(float(np.percentile(distances, _PERCENTILE)) for distances in directed)
    pooled = np.concatenate(directed)
    return float(np.mean(pooled <= tolerance + _ROUNDING)), hd95


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
    # Surfaces fill no volume evenly: scipy's default tree takes twice as long to build
    # and is searched 1.3 times slower.
    tree = KDTree(others * scale, balanced_tree=False, compact_nodes=False)
    return np.asarray(tree.query(points * scale)[0], dtype=np.float64)
