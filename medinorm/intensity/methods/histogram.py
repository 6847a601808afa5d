"""Histogram matching: to a reference scan, or to the mean of the training scans."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from medinorm.errors import IntensityError
from medinorm.intensity.maps.intensity_map import require_channels
from medinorm.intensity.maps.piecewise import PerScanMap, PiecewiseLinearMap, merge_ties
from medinorm.intensity.method import LearnedMethod, PreparedScan, learned
from medinorm.intensity.statistics.density import select_values
from medinorm.intensity.statistics.moments import require_same_channels
from medinorm.intensity.statistics.quantiles import measure_quantiles
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
    is_accelerated,
)

_EXTREME = 0.001  # share of voxels at each end that is not matched: noise


@dataclass(frozen=True)
class QuantileFunction(PerScanMap):
    """Quantile function of the foreground of one scan, or of the target of matching.

    Args:
        values: intensities with equal shares of the voxels between them, from the
            0.1 % darkest to the 0.1 % brightest, for each channel.
        background: what voxels outside of the foreground become; ``None``: mapped.
        nonfinite: what NaN and infinity become; ``None``: they stay.
    """

    kind: ClassVar[str] = "quantiles"

    values: tuple[tuple[float, ...], ...]
    background: float | None = None
    nonfinite: float | None = None

    def map_for(self, array: Voxels, masks: Masks) -> PiecewiseLinearMap:
        """The map that gives the foreground of a scan this distribution.

        .. math:: y = G^{-1}(F(x))

        Outside of the quantiles the map is a line with the slope of the whole range,
        not of a few extreme voxels. Quantiles that coincide
        (few levels of intensity) become one, and go to the mean of their places.

        Args:
            array: shape ``(C, ...)``, NumPy or torch.
            masks: one mask for each channel; ``None`` for all voxels.

        Raises:
            IntensityError: the foreground is nearly constant, empty or on another grid,
                a voxel is NaN or infinite, or the image has other channels.
        """
        require_channels(array, len(self.values))
        scan = measure_histogram(array, masks, len(self.values[0]))
        knots = [
            merge_ties(_extended(inputs), _extended(outputs))
            for inputs, outputs in zip(scan.values, self.values, strict=True)
        ]
        return PiecewiseLinearMap(
            tuple(inputs for inputs, _ in knots),
            tuple(outputs for _, outputs in knots),
            background=self.background,
            nonfinite=self.nonfinite,
        )


def measure_histogram(
    array: Voxels, masks: Masks, count: int = 256
) -> QuantileFunction:
    """The quantile function of one scan.

    Args:
        array: shape ``(C, ...)``, NumPy or torch.
        masks: one mask for each channel; ``None`` for all voxels.
        count: quantiles, at least 2.

    Raises:
        IntensityError: the foreground is nearly constant, empty or on another grid,
            or a voxel is NaN or infinite.
    """
    if not (isinstance(count, Integral) and count >= 2):
        raise IntensityError(f"{count} quantiles cannot be matched; ask for 2 or more")
    shares = np.linspace(_EXTREME, 1 - _EXTREME, count)
    values = []
    for channel, mask in zip(array, masks, strict=True):
        quantiles = _quantiles(channel, mask, shares)
        if quantiles[0] == quantiles[-1]:
            raise IntensityError(
                f"nearly all foreground voxels are {quantiles[0]:g}; check the scan, "
                "or choose another foreground"
            )
        values.append(tuple(quantiles.tolist()))
    return QuantileFunction(tuple(values))


def fit_histogram(
    scans: Sequence[QuantileFunction], scale: tuple[float, float] | None = (0.0, 100.0)
) -> QuantileFunction:
    """The mean quantile function of training scans: what others are matched to.

    The mean of quantile functions is the distribution nearest to all of them
    (barycentre in the Wasserstein distance); a mean of histograms would have the peaks
    of all scans.

    Args:
        scans: quantile functions of the training scans, or of one reference scan.
        scale: the extremes of each scan are brought to these values before the mean is
            taken, so that gains have no influence. ``None``: each scan as it is; then
            one reference scan keeps its unit.

    Raises:
        IntensityError: no scans, or different numbers of quantiles or channels.

    References:
        Agueh and Carlier, "Barycenters in the Wasserstein space", SIAM Journal on
        Mathematical Analysis 43(2), 2011, DOI 10.1137/100805741.
    """
    if len({len(one) for scan in scans for one in scan.values}) != 1:
        raise IntensityError(
            f"{len(scans)} scans share no quantiles; measure one or more scans, all "
            "with the same number"
        )
    require_same_channels([len(scan.values) for scan in scans])
    values = np.array([scan.values for scan in scans])
    if scale is not None:
        low, high = values[..., :1], values[..., -1:]
        values = scale[0] + (values - low) * ((scale[1] - scale[0]) / (high - low))
    return QuantileFunction(tuple(map(tuple, values.mean(axis=0).tolist())))


def _quantiles(
    channel: Voxels, mask: Voxels | None, shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Many order statistics, by sorting all voxels: faster than one at a time."""
    if is_accelerated(channel):
        return measure_quantiles(channel, mask, shares.tolist())
    values = select_values(channel, mask)
    values.sort()
    place = shares * (values.size - 1)
    below = place.astype(np.intp)
    low, high = values[below].astype(float), values[below + 1].astype(float)
    return np.asarray(low + (high - low) * (place - below))


def _extended(values: Sequence[float]) -> list[float]:
    """The values, and one more on each side, as far outside as their range is wide."""
    reach = values[-1] - values[0]
    return [values[0] - reach, *values, values[-1] + reach]


@learned(
    "histogram",
    "each scan's distribution matched to the mean one of the training scans",
    transform="HistogramMatch",
)
@dataclass(frozen=True)
class HistogramMatching(LearnedMethod[QuantileFunction, QuantileFunction]):
    """The mean distribution of the training scans, by `fit_histogram`.

    The map of each scan is that of `QuantileFunction.map_for`.
    """

    quantiles: int
    scale: tuple[float, float]

    def measure(self, scan: PreparedScan) -> QuantileFunction:
        """The quantile function of a scan."""
        return measure_histogram(scan.array, scan.masks, self.quantiles)

    def fit(self, measured: Sequence[QuantileFunction]) -> QuantileFunction:
        """The mean quantile function."""
        return fit_histogram(measured, self.scale)

    def map_for(
        self, learned: QuantileFunction, scan: PreparedScan
    ) -> PiecewiseLinearMap:
        """The map that gives a scan this distribution."""
        return learned.map_for(scan.array, scan.masks)
