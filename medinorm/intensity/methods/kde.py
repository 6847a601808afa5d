"""Scale by the peak of one tissue in a smoothed histogram (KDE)."""

from collections.abc import Sequence

from medinorm.choices import PeakName
from medinorm.errors import IntensityError
from medinorm.intensity.maps.linear import LinearMap
from medinorm.intensity.method import PreparedScan, per_scan
from medinorm.intensity.statistics.density import find_peak, select_values
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
)


def fit_kde(array: Voxels, masks: Masks, peak: PeakName = "brightest") -> LinearMap:
    r"""The map that brings the peak of a tissue to 1.

    .. math:: y = \frac{x}{m}

    :math:`m` is the intensity of a peak of the smoothed density (KDE) of the
    foreground: white matter of a T1-weighted brain is the brightest one.

    Args:
        array: shape ``(C, ...)``, NumPy or torch, intensities above 0 in tissue.
        masks: one mask for each channel, of the brain: elsewhere fat is the brightest
            tissue; ``None`` for all voxels.
        peak: which peak of each channel.

    Raises:
        IntensityError: too few voxels, a constant foreground, no such peak, or one
            that is not above 0.

    References:
        Reinhold, Dewey, Carass and Prince, "Evaluating the impact of intensity
        normalization on MR image synthesis", SPIE Medical Imaging 2019,
        DOI 10.1117/12.2513089.
    """
    modes = [
        find_peak(select_values(channel, mask), peak)
        for channel, mask in zip(array, masks, strict=True)
    ]
    return scale_to_one(modes, "peak")


def scale_to_one(levels: Sequence[float], what: str) -> LinearMap:
    """The map that divides each channel by a level of its own.

    Raises:
        IntensityError: a level is not above 0.
    """
    for level in levels:
        if level <= 0:
            raise IntensityError(
                f"the {what} of this tissue is at {level:g}, which cannot be brought "
                "to 1; use raw intensities or another method"
            )
    return LinearMap((0.0,) * len(levels), tuple(levels))


@per_scan(
    "kde",
    "the peak of one tissue in the smoothed histogram at 1 (Reinhold et al. 2019)",
    transform="KdeNormalize",
)
def map_kde(scan: PreparedScan, *, peak: PeakName) -> LinearMap:
    """The map of `fit_kde` for a scan."""
    return fit_kde(scan.array, scan.masks, peak)
