"""The error of the volume with its sign, relative to the true volume."""

from medinorm.score.declare import MeasuredLabel, metric


@metric(
    "volume_bias",
    "the predicted minus the true volume, over the true volume; 0 is best, below 0 too "
    "little was predicted",
    title="Volume bias",
    unit="",
    better="zero",
    worst=None,
    always=True,
    symmetric=False,
)
def compute_volume_bias(label: MeasuredLabel) -> float | None:
    """Predicted minus true voxels over true voxels; none where the label is not."""
    if not label.voxels_label:
        return None
    return label.voxels_prediction / label.voxels_label - 1.0
