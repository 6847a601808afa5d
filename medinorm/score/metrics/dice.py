"""The Dice coefficient."""

from medinorm.score.declare import MeasuredLabel, metric


@metric(
    "dice",
    "twice the shared voxels over the sum of both label maps' voxels, 0 to 1",
    title="Dice",
    unit="",
    better="higher",
    worst=0.0,
    primary=True,
)
def compute_dice(label: MeasuredLabel) -> float:
    """Twice the shared voxels over the voxels of both maps."""
    return 2.0 * label.shared_voxels / (label.voxels_label + label.voxels_prediction)
