"""WhiteStripe: standardize by normal-appearing white matter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medinorm.choices import PeakName
from medinorm.errors import IntensityError
from medinorm.intensity.maps.linear import LinearMap
from medinorm.intensity.method import PreparedScan, per_scan
from medinorm.intensity.statistics.density import find_peak, select_values
from medinorm.intensity.statistics.quantiles import measure_quantiles
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
)


def fit_whitestripe(
    array: Voxels,
    masks: Masks,
    peak: PeakName = "brightest",
    width: float = 0.05,
) -> LinearMap:
    r"""The map that brings a stripe of white matter to mean 0 and standard deviation 1.

    .. math:: y = \frac{x - \mu_s}{\sigma_s}, \qquad
        s = \{v : F^{-1}(F(m) - \tau) \le x_v \le F^{-1}(F(m) + \tau)\}

    with the intensity :math:`m` of the white matter's peak, the distribution :math:`F`
    of the foreground and half the width :math:`\tau` of the stripe. As in the authors'
    R package, mean and standard deviation are those of the stripe's voxels.

    Args:
        array: shape ``(C, ...)``, NumPy or torch, best without bias field
            (`fit_bias_field`).
        masks: one mask for each channel, of the brain: elsewhere fat is the brightest
            tissue; ``None`` for all voxels.
        peak: white matter's: ``brightest`` in T1, ``largest`` in T2 and FLAIR.
        width: :math:`\tau`, as a share of the foreground.

    Raises:
        IntensityError: too few voxels, a constant foreground or stripe, no such peak.

    References:
        Shinohara et al., "Statistical normalization techniques for magnetic resonance
        imaging", NeuroImage: Clinical 6, 2014, DOI 10.1016/j.nicl.2014.08.008.
    """
    if not 0 < width < 0.5:
        raise IntensityError(
            f"half the width of the stripe is a share between 0 and 0.5, not {width:g}"
        )
    stripes = [
        _find_stripe(select_values(channel, mask), peak, width)
        for channel, mask in zip(array, masks, strict=True)
    ]
    return LinearMap(
        tuple(float(stripe.mean()) for stripe in stripes),
        tuple(float(stripe.std()) for stripe in stripes),
    )


def _find_stripe(
    values: NDArray[Any], peak: PeakName, width: float
) -> NDArray[np.float64]:
    """The intensities around the peak, as float64."""
    mode = find_peak(values, peak)
    # Half of those at the peak lie below it: integers have many there.
    below = np.count_nonzero(values < mode) + np.count_nonzero(values <= mode)
    share = below / 2 / values.size
    shares = np.clip((share - width, share + width), 0, 1)
    low, high = measure_quantiles(values, None, shares.tolist())
    stripe = values[(values >= low) & (values <= high)].astype(np.float64)
    if not stripe.size or stripe.min() == stripe.max():
        raise IntensityError(
            f"the {stripe.size} voxels of the white stripe do not differ; widen it or "
            "choose another foreground"
        )
    return np.asarray(stripe)


@per_scan(
    "whitestripe",
    "mean 0 and standard deviation 1 over a stripe around the peak of white matter "
    "(Shinohara et al. 2014)",
    transform="WhiteStripeNormalize",
)
def map_whitestripe(scan: PreparedScan, *, peak: PeakName, width: float) -> LinearMap:
    """The map of `fit_whitestripe` for a scan."""
    return fit_whitestripe(scan.array, scan.masks, peak, width)
