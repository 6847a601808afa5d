"""The average surface distance."""

import numpy as np

from medinorm.score.declare import MeasuredLabel, metric


@metric(
    "asd",
    "the mean of the distances between both surfaces, in mm",
    title="ASD",
    unit="mm",
    better="lower",
    worst="image diagonal",
    shown=False,
)
def compute_asd(label: MeasuredLabel) -> float:
    """Mean distance of the surface voxels of both maps to the other surface, in mm.

    Voxels of both directions are pooled (MONAI's symmetric average).
    """
    directed = label.to_prediction, label.to_label
    return float(sum(map(np.sum, directed)) / sum(map(np.size, directed)))
