"""The normalized surface Dice.

It has two flavours: elements of the surfaces count by their area, or each voxel of the
surfaces counts as one (as in MONAI).

References:
    Nikolov et al., "Clinically applicable segmentation of head and neck anatomy for
    radiotherapy", J Med Internet Res 2021, doi:10.2196/26151.
"""

import numpy as np

from medinorm.score.declare import ROUNDING, MeasuredLabel, metric


@metric(
    "nsd",
    "the share of both surfaces within a tolerance of each other, 0 to 1",
    title="NSD",
    unit="",
    better="higher",
    worst=0.0,
)
def compute_nsd(label: MeasuredLabel) -> float:
    """Share of both surfaces within the tolerance of the other one.

    By area, where the elements of the surfaces were measured; else voxels are counted.
    """
    most = label.tolerance + ROUNDING
    if label.elements is None:
        distances = np.concatenate([label.to_prediction, label.to_label])
        return float(np.mean(distances <= most))
    near = [side.areas[side.distances <= most].sum() for side in label.elements]
    whole = [side.areas.sum() for side in label.elements]
    return float(sum(near) / sum(whole))
