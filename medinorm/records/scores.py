"""How well each prediction agrees with the reference."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from medinorm.files.records import columns
from medinorm.records.metrics import METRICS, PRIMARY_METRIC
from medinorm.variant import Variant

ScoreState = Literal["scored", "missing", "empty", "false_positive"]


@dataclass(frozen=True)
class ScoreRow:
    """One label of one prediction.

    Args:
        variant: what was compared.
        split: split that the network was trained on.
        seed: seed of its training.
        scan: the scan.
        label: value in the label map.
        state: ``scored``; ``missing`` (no prediction); ``empty`` (nothing in either,
            which is right); ``false_positive`` (nothing in the reference, something in
            the prediction: `voxels_prediction`).
        metrics: score by each metric, its name the column.
        voxels_label: in the reference.
        voxels_prediction: in the prediction.
        voxel_ml: volume of a voxel, in ml.
    """

    variant: Variant
    split: str
    seed: int
    scan: str
    label: int
    state: ScoreState
    metrics: Mapping[str, float | None] = field(metadata=columns(names=METRICS))
    voxels_label: int | None
    voxels_prediction: int | None
    voxel_ml: float | None = None

    @property
    def dice(self) -> float | None:
        """Score by the metric that variants are compared by."""
        return self.metrics[PRIMARY_METRIC]
