"""The normalized surface Dice.

References:
    Nikolov et al., "Clinically applicable segmentation of head and neck anatomy for
    radiotherapy", J Med Internet Res 2021, doi:10.2196/26151.
"""

import numpy as np

from medinorm.score.declare import MeasuredLabel, metric

_ROUNDING = 1e-6  # mm: a distance equal to the tolerance is within it


@metric(
    "nsd",
    "the share of both surfaces within a tolerance of each other, 0 to 1",
    title="NSD",
    unit="",
    better="higher",
    worst=0.0,
)
def compute_nsd(label: MeasuredLabel) -> float:
    """Share of the surface voxels within the tolerance of the other surface.

    Voxels of both masks count, not their areas.
    """
    distances = np.concatenate([label.to_prediction, label.to_label])
    return float(np.mean(distances <= label.tolerance + _ROUNDING))
