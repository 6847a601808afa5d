"""The error of the volume with its sign, in ml."""

from medinorm.score.declare import MeasuredLabel, metric


@metric(
    "volume_bias_ml",
    "the predicted minus the true volume, in ml, also of false structures; 0 is best",
    title="Volume bias in ml",
    unit="ml",
    better="zero",
    worst=None,
    always=True,
    symmetric=False,
    shown=False,
)
def compute_volume_bias_ml(label: MeasuredLabel) -> float:
    """Predicted minus true volume; also where the label is in one map or in none."""
    return (label.voxels_prediction - label.voxels_label) * label.voxel_ml
