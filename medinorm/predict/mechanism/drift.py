r"""How far the features of domains lie apart at one layer.

Each scan has a mean and a standard deviation for each channel. Of these, the variance
between domains is estimated without the part that chance contributes (analysis of
variance):

.. math::
    \hat\sigma^2_{between} = \frac{MS_{between} - MS_{within}}{n_0},
    \qquad
    n_0 = \frac{1}{D - 1}\Bigl(n - \frac{\sum_d n_d^2}{n}\Bigr)

For means it is divided by the variance of the feature within a scan, so that layers of
any scale compare; of standard deviations the logarithm is taken. The mean over channels
is taken before the square root, and before what is negative by chance becomes 0.

References:
    Searle, Casella and McCulloch, "Variance Components", Wiley 1992, section 3.6.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Smaller than this share of the mean size of the features, a standard deviation is
# rounding: the channel is constant.
_ROUNDING = 1e-5


class Drift(NamedTuple):
    """The columns of `LayerDriftRow` that are measured; NaN where nothing is known."""

    shift: float
    scale: float


def measure_drift(means: Array, deviations: Array, domains: NDArray[np.intp]) -> Drift:
    """How far domains lie apart.

    Args:
        means: of each scan and channel, ``(n, C)``.
        deviations: standard deviations over the voxels of the same, ``(n, C)``.
        domains: number of the domain of each scan, ``(n,)``.

    Returns:
        NaN with fewer than two domains, or without a second scan on any.

    Examples:
        >>> apart = np.array([[0.0], [0.0], [3.0], [3.0]])
        >>> measure_drift(apart, np.ones((4, 1)), np.array([0, 0, 1, 1]))
        Drift(shift=2.12..., scale=0.0)
    """
    within = np.sqrt(np.mean(deviations**2, axis=0))
    size = np.sqrt(np.mean(means**2, axis=0)) + within
    alive = (within > _ROUNDING * size) & (deviations > 0).all(axis=0)
    if not alive.any():
        return Drift(np.nan, np.nan)
    shift = _between(means[:, alive], domains) / within[alive] ** 2
    scale = _between(np.log(deviations[:, alive]), domains)
    return Drift(*(float(np.sqrt(max(np.mean(v), 0.0))) for v in (shift, scale)))


def _between(values: Array, domains: NDArray[np.intp]) -> Array:
    """Variance between domains of each column, negative by chance; NaN if unknown."""
    names, place, counts = np.unique(domains, return_inverse=True, return_counts=True)
    n, number = len(values), len(names)
    if number < 2 or n == number:
        return np.full(values.shape[1], np.nan)
    means = np.zeros((number, values.shape[1]))
    np.add.at(means, place, values)
    means /= counts[:, np.newaxis]
    within = np.sum((values - means[place]) ** 2, axis=0) / (n - number)
    off = means - values.mean(axis=0)
    between = np.sum(counts[:, np.newaxis] * off**2, axis=0) / (number - 1)
    size = (n - np.sum(counts**2) / n) / (number - 1)
    return np.asarray((between - within) / size)
