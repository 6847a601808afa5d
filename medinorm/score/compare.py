"""How well a predicted label map agrees with the true one, by every metric."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from medinorm.choices import SurfaceName
from medinorm.records.metrics import METRICS
from medinorm.score.declare import (
    ROUNDING,
    ElementDistances,
    MeasuredLabel,
    compute_metrics,
)
from medinorm.score.lesions import LesionCounts, count_lesions
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
        lesions: the labels of lesions, which are counted one by one.
    """

    tolerance: float
    surface: SurfaceName = "area"
    lesions: frozenset[int] = frozenset()


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
    scored. Metrics that are declared `always` are computed in both cases too.

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
        pair = LabelPair(
            maps=(label, prediction),
            value=value,
            boxes=(boxes[0].get(value), boxes[1].get(value)),
            spacing=tuple(spacing),
            counts=(*counts, int(overlaps.shared[index])),
        )
        if all(counts):
            metrics = compute_metrics(_measure(pair, measures))
        else:
            scores = worst_scores(label.shape, spacing) if any(counts) else None
            unlike = _measure_unlike(pair, measures)
            metrics = compute_metrics(unlike, scores or dict.fromkeys(METRICS))
        agreements.append(Agreement(metrics, *counts))
    return agreements


class LabelPair(NamedTuple):
    """One label in the true map and in the predicted.

    Args:
        maps: both maps.
        value: the label.
        boxes: its bounding box in each, if it is there.
        spacing: distance of voxel centres along the axes, in mm.
        counts: voxels with the label in the true map, in the predicted, in both.
    """

    maps: tuple[Labels, Labels]
    value: int
    boxes: tuple[Box | None, Box | None]
    spacing: tuple[float, ...]
    counts: tuple[int, int, int]

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel, in ml."""
        return math.prod(self.spacing) / 1000

    @property
    def sides(self) -> list[tuple[Labels, Box]]:
        """Those maps that have the label, with its bounding box."""
        both = zip(self.maps, self.boxes, strict=True)
        return [(labels, box) for labels, box in both if box is not None]


def _measure_unlike(pair: LabelPair, measures: LabelMeasures) -> MeasuredLabel:
    """What metrics are computed from where a map lacks the label: no distances."""
    nothing = np.empty(0)
    return MeasuredLabel(
        *pair.counts,
        to_prediction=nothing,
        to_label=nothing,
        tolerance=measures.tolerance,
        voxel_ml=pair.voxel_ml,
        lesions=_count_lesions(pair, measures),
    )


def _count_lesions(pair: LabelPair, measures: LabelMeasures) -> LesionCounts | None:
    """What became of lesions, in the box that holds those of both maps."""
    if pair.value not in measures.lesions:
        return None
    boxes = [box for _, box in pair.sides]
    if not boxes:
        return LesionCounts(0, 0, 0)
    whole = tuple(
        slice(min(side.start for side in sides), max(side.stop for side in sides))
        for sides in zip(*boxes, strict=True)
    )
    true, predicted = (labels[whole] == pair.value for labels in pair.maps)
    return count_lesions(true, predicted)


def _measure(pair: LabelPair, measures: LabelMeasures) -> MeasuredLabel:
    """What the metrics of a label that both maps have are computed from."""
    value, spacing = pair.value, pair.spacing
    true, predicted = (surface_points(labels, value, box) for labels, box in pair.sides)
    elements = None
    if measures.surface == "area":
        elements = _measure_elements(pair, measures.tolerance + 2 * ROUNDING)
    return MeasuredLabel(
        *pair.counts,
        to_prediction=surface_distances(true, predicted, spacing),
        to_label=surface_distances(predicted, true, spacing),
        tolerance=measures.tolerance,
        voxel_ml=pair.voxel_ml,
        lesions=_count_lesions(pair, measures),
        elements=elements,
    )


def _measure_elements(
    pair: LabelPair, farthest: float
) -> tuple[ElementDistances, ElementDistances]:
    """Areas of both surfaces, and how far they are from each other."""
    true, predicted = (
        surface_elements(labels, pair.value, box, pair.spacing)
        for labels, box in pair.sides
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


def worst_scores(
    shape: Sequence[int], spacing: Sequence[float], *, lesions: bool = False
) -> dict[str, float | None]:
    """The scores of a label that was missed, or has no usable prediction.

    Args:
        shape: of the image.
        spacing: distance of voxel centres along the axes, in mm.
        lesions: whether the label is one of lesions.

    Returns:
        ``None`` for metrics without a worst score, as a volume that is not known.

    Examples:
        >>> worst = worst_scores((3, 4, 12), (1, 1, 1))
        >>> worst["dice"], worst["nsd"], worst["hd95"], worst["volume_bias"]
        (0.0, 0.0, 13.0, None)
    """
    diagonal = image_diagonal(shape, spacing)
    return {
        name: metric.worst_score(diagonal) if lesions or not metric.of_lesions else None
        for name, metric in METRICS.items()
    }


def image_diagonal(shape: Sequence[int], spacing: Sequence[float]) -> float:
    """Length of the diagonal of an image, border to border, in mm."""
    return math.hypot(*(n * step for n, step in zip(shape, spacing, strict=True)))
