"""How a metric is declared, and what it gets to compute from.

    @metric("volume_error", "the difference of both volumes over their sum", ...)
    def compute_volume_error(label: MeasuredLabel) -> float: ...

A metric is one file in `medinorm.score.metrics`. Its name is a column of the scores,
and its means are columns of the comparison. `compute_metrics` calls all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medinorm.records.metrics import METRICS, Better, Metric, Unit
from medinorm.score.lesions import LesionCounts

Distances = NDArray[np.float64]

ROUNDING = 1e-6  # mm: a distance equal to the tolerance is within it


@dataclass(frozen=True)
class ElementDistances:
    """From each element of one surface to the other surface.

    Args:
        distances: in mm; infinite where it is farther than the tolerance.
        areas: of the elements, in mm².
    """

    distances: Distances
    areas: Distances


@dataclass(frozen=True)
class MeasuredLabel:
    """One label that both maps have, as measured once for all metrics.

    Args:
        voxels_label: voxels with the label in the true map.
        voxels_prediction: voxels with the label in the predicted map.
        shared_voxels: voxels with the label in both.
        to_prediction: from each surface voxel of the true mask to the predicted
            surface, in mm between voxel centres.
        to_label: from each surface voxel of the predicted mask to the true surface.
        tolerance: of surfaces, in mm.
        voxel_ml: volume of a voxel, in ml.
        lesions: what became of lesions, if the label is one of lesions.
        elements: the elements of the surface of the true mask and of the predicted, if
            surfaces are weighted by area.
    """

    voxels_label: int
    voxels_prediction: int
    shared_voxels: int
    to_prediction: Distances
    to_label: Distances
    tolerance: float
    voxel_ml: float = 0.0
    lesions: LesionCounts | None = None
    elements: tuple[ElementDistances, ElementDistances] | None = None


Compute = Callable[[MeasuredLabel], float | None]


@dataclass(frozen=True)
class DeclaredMetric:
    """A metric with the function that computes it.

    Args:
        metric: what it says about itself.
        compute: gives the score of a label that both maps have; ``None``: it has none.
    """

    metric: Metric
    compute: Compute


def metric(  # noqa: PLR0913 (what a metric says about itself)
    name: str,
    text: str,
    *,
    title: str,
    unit: Unit,
    better: Better,
    worst: float | Literal["image diagonal"] | None,
    primary: bool = False,
    shown: bool = True,
    always: bool = False,
    symmetric: bool = True,
    of_lesions: bool = False,
) -> Callable[[Compute], DeclaredMetric]:
    """Declare a metric; `medinorm.records.metrics.Metric` says what each word means."""

    def declare(compute: Compute) -> DeclaredMetric:
        module = compute.__module__
        facts = (title, unit, better, worst, primary, module)
        said = Metric(name, text, *facts, shown, always, symmetric, of_lesions)
        return DeclaredMetric(said, compute)

    return declare


def compute_metrics(
    label: MeasuredLabel, scores: Mapping[str, float | None] | None = None
) -> dict[str, float | None]:
    """The score of one label by each metric.

    Args:
        label: the label.
        scores: where not both maps have the label, what metrics say that are not
            computed there.
    """
    computed = {
        name: compute
        for name, compute in load_metrics().items()
        if scores is None or METRICS[name].always
    }
    return {**(scores or {}), **{name: get(label) for name, get in computed.items()}}


@cache
def load_metrics() -> Mapping[str, Compute]:
    """The function of each metric, by its name."""
    return {name: _load(declared) for name, declared in METRICS.items()}


def _load(declared: Metric) -> Compute:
    """The function that a metric was declared on."""
    for value in vars(import_module(declared.module)).values():
        if isinstance(value, DeclaredMetric) and value.metric == declared:
            return value.compute
    raise LookupError(f"{declared.module} declares no metric {declared.name!r}")
