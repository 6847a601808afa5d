"""Predicted pieces that are no lesions."""

from medinorm.score.declare import MeasuredLabel, metric


@metric(
    "lesion_false_positives",
    "predicted pieces in a scan that share no voxel with a lesion",
    title="False lesions",
    unit="per scan",
    better="lower",
    worst=None,
    always=True,
    of_lesions=True,
    symmetric=False,
)
def compute_lesion_false_positives(label: MeasuredLabel) -> float | None:
    """How many predicted pieces are false; 0 in a scan without lesions and pieces."""
    return None if label.lesions is None else float(label.lesions.false)
