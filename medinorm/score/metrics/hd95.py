"""The 95th percentile Hausdorff distance."""

import numpy as np

from medinorm.score.declare import MeasuredLabel, metric

_PERCENTILE = 95


@metric(
    "hd95",
    "the 95th percentile of the distances between both surfaces, in mm",
    title="HD95",
    unit="mm",
    better="lower",
    worst="image diagonal",
)
def compute_hd95(label: MeasuredLabel) -> float:
    """The larger of the two directed 95th percentiles of surface distances, in mm.

    Percentiles interpolate linearly. (Pooling both directions before taking the
    percentile is another definition, and never larger.)
    """
    directed = label.to_prediction, label.to_label
    return max(float(np.percentile(distances, _PERCENTILE)) for distances in directed)
