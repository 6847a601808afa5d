"""How well a predicted label map agrees with the true one, by every metric."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from medinorm.choices import SurfaceName
from medinorm.records.metrics import METRICS
from medinorm.score.declare import (
    ROUNDING,
    ElementDistances,
    MeasuredLabel,
    compute_metrics,
)
from medinorm.score.overlaps import Labels, count_overlaps
from medinorm.score.surface_elements import surface_elements
from medinorm.score.surfaces import (
    Box,
    bounding_boxes,
    surface_distances,
    surface_points,
)


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


@dataclass(frozen=True)
class LabelMeasures:
    """How labels are measured.

    Args:
        tolerance: of the NSD, in mm.
        surface: what of a surface counts for the NSD: its ``area``, or each ``voxel``.
    """

    tolerance: float
    surface: SurfaceName = "area"


def compare_label_maps(
    label: Labels,
    prediction: Labels,
    values: Sequence[int],
    spacing: Sequence[float],
    measures: LabelMeasures | float,
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
        measures: how they are measured; a number is the tolerance of the NSD, in mm.

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
    if not isinstance(measures, LabelMeasures):
        measures = LabelMeasures(measures)
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
            pair = LabelPair(
                (label, prediction),
                value,
                (boxes[0][value], boxes[1][value]),
                tuple(spacing),
            )
            shared = int(overlaps.shared[index])
            metrics = compute_metrics(_measure(pair, (*counts, shared), measures))
        agreements.append(Agreement(metrics, *counts))
    return agreements


class LabelPair(NamedTuple):
    """One label that both maps have.

    Args:
        maps: the true map and the predicted.
        value: the label.
        boxes: its bounding box in each.
        spacing: distance of voxel centres along the axes, in mm.
    """

    maps: tuple[Labels, Labels]
    value: int
    boxes: tuple[Box, Box]
    spacing: tuple[float, ...]


def _measure(
    pair: LabelPair, counts: tuple[int, int, int], measures: LabelMeasures
) -> MeasuredLabel:
    """What the metrics of one label are computed from."""
    value, spacing = pair.value, pair.spacing
    sides = zip(pair.maps, pair.boxes, strict=True)
    true, predicted = (surface_points(labels, value, box) for labels, box in sides)
    elements = None
    if measures.surface == "area":
        elements = _measure_elements(pair, measures.tolerance + 2 * ROUNDING)
    return MeasuredLabel(
        *counts,
        to_prediction=surface_distances(true, predicted, spacing),
        to_label=surface_distances(predicted, true, spacing),
        tolerance=measures.tolerance,
        elements=elements,
    )


def _measure_elements(
    pair: LabelPair, farthest: float
) -> tuple[ElementDistances, ElementDistances]:
    """Areas of both surfaces, and how far they are from each other."""
    true, predicted = (
        surface_elements(labels, pair.value, box, pair.spacing)
        for labels, box in zip(pair.maps, pair.boxes, strict=True)
    )
    directions = (true, predicted), (predicted, true)
    one, other = (
        ElementDistances(
            surface_distances(own.points, others.points, pair.spacing, farthest),
            own.areas,
        )
        for own, others in directions
    )
    return one, other


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
