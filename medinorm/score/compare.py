"""How well a predicted label map agrees with the true one, by every metric."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medinorm.records.metrics import METRICS
from medinorm.score.declare import MeasuredLabel, compute_metrics
from medinorm.score.overlaps import Labels, count_overlaps
from medinorm.score.surfaces import bounding_boxes, surface_distances, surface_points


@dataclass(frozen=True)
class Agreement:
    """How well one label was predicted.

    Args:
        metrics: score by each metric; ``None`` where neither map has the label.
        voxels_label: voxels with the label in the true map.
        voxels_prediction: voxels with the label in the predicted map.
    """

    metrics: Mapping[str, float | None]
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

    A label that only one of the maps has gets the worst score of each metric: Dice 0,
    NSD 0 and, as HD95, the diagonal of the image. A label that neither has is not
    scored.

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
        >>> import numpy as np
        >>> true = np.zeros((8, 8, 8), np.uint8)
        >>> true[2:6, 2:6, 2:6] = 1
        >>> found = compare_label_maps(true, np.roll(true, 1, 0), [1], (2, 1, 1), 1)
        >>> found[0].metrics["dice"], found[0].metrics["hd95"]
        (0.75, 2.0)
    """
    overlaps = count_overlaps(label, prediction, values)
    boxes = bounding_boxes(label), bounding_boxes(prediction)
    agreements = []
    for index, value in enumerate(values):
        counts = int(overlaps.label[index]), int(overlaps.prediction[index])
        metrics: Mapping[str, float | None]
        if not any(counts):
            metrics = dict.fromkeys(METRICS)
        elif not all(counts):
            metrics = worst_scores(label.shape, spacing)
        else:
            surfaces = (
                surface_points(label, value, boxes[0][value]),
                surface_points(prediction, value, boxes[1][value]),
            )
            measured = MeasuredLabel(
                *counts,
                shared_voxels=int(overlaps.shared[index]),
                to_prediction=surface_distances(*surfaces, spacing),
                to_label=surface_distances(*surfaces[::-1], spacing),
                tolerance=tolerance,
            )
            metrics = compute_metrics(measured)
        agreements.append(Agreement(metrics, *counts))
    return agreements


def worst_scores(shape: Sequence[int], spacing: Sequence[float]) -> dict[str, float]:
    """The scores of a label that was missed, or has no usable prediction.

    Args:
        shape: of the image.
        spacing: distance of voxel centres along the axes, in mm.

    Examples:
        >>> worst_scores((3, 4, 12), (1, 1, 1))
        {'dice': 0.0, 'nsd': 0.0, 'hd95': 13.0}
    """
    diagonal = image_diagonal(shape, spacing)
    return {name: metric.worst_score(diagonal) for name, metric in METRICS.items()}


def image_diagonal(shape: Sequence[int], spacing: Sequence[float]) -> float:
    """Length of the diagonal of an image, border to border, in mm."""
    return math.hypot(*(n * step for n, step in zip(shape, spacing, strict=True)))
