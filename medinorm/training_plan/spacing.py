"""The voxel spacing of a study, from the spacings of its training scans."""

from medinorm.training_plan.cohort import Cohort, Spacing

THICK = 3.0  # times the other axes: an axis of thick slices
FINE = 0.1  # share of scans at whose spacing a thick axis is resampled


def plan_spacing(cohort: Cohort) -> tuple[Spacing, str]:
    """The median spacing along each axis; along thick slices a finer one.

    Thick slices at their median spacing would make the thinner ones of other scans
    coarse. So the 10th percentile is taken there, but nothing finer than within slices.

    Returns:
        The spacing in mm along R, A and S, and the reason.

    References:
        Isensee et al., "nnU-Net: a self-configuring method for deep learning-based
        biomedical image segmentation", Nature Methods 2021.
    """
    median = cohort.spacing_at(0.5)
    extent = cohort.median_extent(median)
    thick = max(range(3), key=lambda axis: median[axis])
    others = [axis for axis in range(3) if axis != thick]
    widest = max(median[axis] for axis in others)
    fewest = min(extent[axis] for axis in others)
    whole = "the median of the training scans, each domain with the same weight"
    if median[thick] <= THICK * widest or extent[thick] * THICK >= fewest:
        return _rounded(median), f"{whole}."
    finer = list(median)
    finer[thick] = max(cohort.spacing_at(FINE)[thick], widest)
    return _rounded((finer[0], finer[1], finer[2])), (
        f"{whole}; along {'RAS'[thick]}, whose slices are thick, the 10th percentile."
    )


def _rounded(spacing: Spacing) -> Spacing:
    """Spacing to a hundredth of a millimetre, as it is read and written."""
    x, y, z = (max(0.01, round(size, 2)) for size in spacing)
    return x, y, z
