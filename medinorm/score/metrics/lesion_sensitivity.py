"""The share of lesions that were found."""

from medinorm.score.declare import MeasuredLabel, metric


@metric(
    "lesion_sensitivity",
    "the share of lesions that share a voxel with the prediction, 0 to 1",
    title="Lesion sensitivity",
    unit="",
    better="higher",
    worst=0.0,
    always=True,
    of_lesions=True,
    symmetric=False,
)
def compute_lesion_sensitivity(label: MeasuredLabel) -> float | None:
    """Lesions that were found over all lesions; none where there are none."""
    counts = label.lesions
    if counts is None or not counts.lesions:
        return None
    return counts.detected / counts.lesions
