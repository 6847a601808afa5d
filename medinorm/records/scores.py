"""How well each prediction agrees with the reference."""

from dataclasses import dataclass
from typing import Literal

from medinorm.variant import Variant

ScoreState = Literal["scored", "missing", "empty"]


@dataclass(frozen=True)
class ScoreRow:
    """One label of one prediction.

    Args:
        variant: what was compared.
        split: split that the network was trained on.
        seed: seed of its training.
        scan: the scan.
        label: value in the label map.
        state: ``scored``; ``missing`` (no prediction); ``empty`` (nothing in either).
        dice: overlap, 0 to 1.
        nsd: surface within the tolerance, 0 to 1.
        hd95: 95th percentile of surface distances, in mm.
        voxels_label: in the reference.
        voxels_prediction: in the prediction.
    """

    variant: Variant
    split: str
    seed: int
    scan: str
    label: int
    state: ScoreState
    dice: float | None
    nsd: float | None
    hd95: float | None
    voxels_label: int | None
    voxels_prediction: int | None
