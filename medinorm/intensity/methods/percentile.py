"""Percentile scaling with exact order statistics."""

from medinorm.choices import ConstantName
from medinorm.errors import IntensityError
from medinorm.intensity.foreground import Policy, find_masks
from medinorm.intensity.maps.linear import LinearMap
from medinorm.intensity.method import PreparedScan, per_scan
from medinorm.intensity.statistics.moments import constant_error
from medinorm.intensity.statistics.quantiles import measure_quantiles
from medinorm.intensity.voxels.arrays import measure
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
)


def fit_percentiles(
    array: Voxels,
    masks: Masks,
    percentiles: tuple[float, float],
    constant: ConstantName = "refuse",
) -> LinearMap:
    r"""The map that brings two percentiles of the foreground to 0 and 1, and clips.

    .. math:: y = \min\Bigl(\max\Bigl(\frac{x - p_l}{p_h - p_l},\,0\Bigr),\,1\Bigr)

    Args:
        array: shape ``(C, ...)``, NumPy or torch.
        masks: one mask for each channel; ``None`` for all voxels.
        percentiles: the lower and the upper one, :math:`p_l` and :math:`p_h`, in
            percent; exact order statistics with linear interpolation between them.
        constant: ``refuse`` channels whose two percentiles are equal, or map this value
            to 0 (``zeros``).

    Raises:
        IntensityError: both percentiles have the same value; or as
            `measure_quantiles`.

    References:
        Hyndman and Fan, "Sample quantiles in statistical packages", The American
        Statistician 50(4), 1996, DOI 10.1080/00031305.1996.10473566 (definition 7).
    """
    offsets, scales = [], []
    fractions = [percentile / 100 for percentile in percentiles]
    for channel, mask in zip(array, masks, strict=True):
        low, high = measure_quantiles(channel, mask, fractions).tolist()
        if low == high and constant == "refuse":
            _refuse(channel, mask, percentiles, low)
        offsets.append(low)
        scales.append(high - low or 1.0)
    return LinearMap(tuple(offsets), tuple(scales), limits=(0.0, 1.0))


def fit_percentile(
    array: Voxels,
    percentiles: tuple[float, float],
    policy: Policy,
    mask: Voxels | None = None,
) -> LinearMap:
    """The map of `fit_percentiles`, for the foreground that a policy finds.

    Args:
        array: shape ``(C, ...)``, NumPy or torch.
        percentiles: these go to 0 and 1, in percent.
        policy: which voxels are measured, and what if they are constant.
        mask: of the foreground, for the foregrounds `label` and `file`.

    Raises:
        IntensityError: as `fit_percentiles` and `find_masks`.
    """
    masks = find_masks(array, policy, mask)
    fitted = fit_percentiles(array, masks, percentiles, policy.constant)
    return fitted.following(policy)


def _refuse(
    channel: Voxels, mask: Voxels | None, percentiles: tuple[float, float], value: float
) -> None:
    """Say why percentiles coincide."""
    if not measure(channel, mask).m2:
        raise constant_error(channel, mask)
    raise IntensityError(
        f"percentiles {percentiles[0]:g} and {percentiles[1]:g} are both "
        f"{value:g}; spread them or choose another foreground"
    )


@per_scan(
    "percentile",
    "two percentiles of each scan's foreground mapped to 0 and 1",
    constant_zeros=True,
    transform="PercentileScale",
)
def map_percentile(
    scan: PreparedScan, *, percentiles: tuple[float, float]
) -> LinearMap:
    """The map of `fit_percentiles` for a scan."""
    return fit_percentile(scan.array, percentiles, scan.policy, scan.mask)
