"""Scale by the mean of one tissue class, found by fuzzy c-means."""

import numpy as np
from numpy.typing import NDArray

from medinorm.choices import TissueName
from medinorm.errors import IntensityError
from medinorm.intensity.maps.linear import LinearMap
from medinorm.intensity.method import PreparedScan, per_scan
from medinorm.intensity.methods.kde import scale_to_one
from medinorm.intensity.statistics.density import Histogram, count_values, select_values
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
)

_CLASS: dict[TissueName, int] = {"darkest": 0, "middle": 1, "brightest": 2}
_FUZZINESS = 2.0
_ROUNDS = 1000
_SETTLED = 1e-5  # greatest movement of a centre, as a share of the range

Floats = NDArray[np.float64]


def fit_fcm(array: Voxels, masks: Masks, tissue: TissueName = "brightest") -> LinearMap:
    r"""The map :math:`y = x / \mu` that brings the mean of one of three tissues to 1.

    .. math:: \mu = \sum_v u_v x_v \Big/ \sum_v u_v

    with the membership :math:`u` of each voxel in the tissue.

    Args:
        array: shape ``(C, ...)``, NumPy or torch, intensities above 0 in tissue.
        masks: one mask for each channel, of the brain: elsewhere fat is the brightest
            tissue; ``None`` for all voxels.
        tissue: by its intensity: in a T1-weighted brain white matter is ``brightest``,
            gray matter ``middle`` and fluid ``darkest``; in T2 the other way round.

    Raises:
        IntensityError: too few voxels, a constant foreground, fewer than three levels,
            or a mean that is not above 0.

    References:
        Reinhold, Dewey, Carass and Prince, "Evaluating the impact of intensity
        normalization on MR image synthesis", SPIE Medical Imaging 2019,
        DOI 10.1117/12.2513089.
    """
    means = []
    for channel, mask in zip(array, masks, strict=True):
        histogram = count_values(select_values(channel, mask))
        centres = find_centres(histogram, len(_CLASS))
        membership = memberships(histogram.means, centres)[_CLASS[tissue]]
        weights = histogram.counts * membership
        means.append(float(np.dot(weights, histogram.means) / weights.sum()))
    return scale_to_one(means, "mean")


def find_centres(histogram: Histogram, count: int) -> Floats:
    r"""Centres of fuzzy classes of intensity, ascending.

    Memberships and centres are computed in turn, :math:`c_k = \sum u_k^2 x / \sum
    u_k^2`, on the histogram: as many steps as bins, not as voxels. They start at
    quantiles, so that the result depends on nothing random.

    Raises:
        IntensityError: there are fewer levels of intensity than classes.

    References:
        Bezdek, Ehrlich and Full, "FCM: the fuzzy c-means clustering algorithm",
        Computers and Geosciences 10(2-3), 1984, DOI 10.1016/0098-3004(84)90020-7.
    """
    filled = histogram.counts > 0
    if filled.sum() < count:
        raise IntensityError(
            f"the foreground has {filled.sum()} levels of intensity, too few for "
            f"{count} tissues; check the scan, or choose another foreground"
        )
    counts, values = histogram.counts[filled], histogram.means[filled]
    shares = (np.cumsum(counts) - counts / 2) / counts.sum()
    centres = np.interp((np.arange(count) + 0.5) / count, shares, values)
    least = _SETTLED * (values[-1] - values[0])
    for _ in range(_ROUNDS):
        weights = counts * memberships(values, centres) ** _FUZZINESS
        moved = weights @ values / weights.sum(axis=1)
        settled = np.abs(moved - centres).max() < least
        centres = moved
        if settled:
            return np.sort(centres)
    raise IntensityError(
        f"no {count} tissues were found in {_ROUNDS} rounds; choose another foreground"
    )


def memberships(values: Floats, centres: Floats) -> Floats:
    r"""How much each value belongs to each class.

    .. math:: u_k(x) = \Big(\sum_j (x - c_k)^2 / (x - c_j)^2\Big)^{-1}

    Args:
        values: shape ``(N,)``.
        centres: shape ``(K,)``.

    Returns:
        Shape ``(K, N)``, in [0, 1], with sum 1 over the classes.

    Examples:
        >>> memberships(np.array([0.0, 1.0, 2.0]), np.array([0.0, 2.0])).round(6)
        array([[1. , 0.5, 0. ],
               [0. , 0.5, 1. ]])
    """
    squares = np.square(values - centres[:, np.newaxis])
    # A value at a centre belongs to it alone.
    tiny = np.finfo(np.float64).eps ** 2 * max(float(squares.max()), 1e-300)
    closeness = 1 / np.maximum(squares, tiny)
    return np.asarray(closeness / closeness.sum(axis=0))


@per_scan(
    "fcm",
    "the mean of one tissue at 1, tissues by fuzzy c-means (Reinhold et al. 2019)",
    transform="FcmNormalize",
)
def map_fcm(scan: PreparedScan, *, tissue: TissueName) -> LinearMap:
    """The map of `fit_fcm` for a scan."""
    return fit_fcm(scan.array, scan.masks, tissue)
