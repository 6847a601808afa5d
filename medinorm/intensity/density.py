"""How intensities are distributed: histograms, their smooth shape and its peaks."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from medinorm.errors import IntensityError
from medinorm.intensity.arrays import require_finite, require_grid, select, to_host
from medinorm.intensity.moments import constant_error

PeakName = Literal["darkest", "largest", "brightest"]

Floats = NDArray[np.float64]

_BINS = 1024
_EXTREME = 0.001  # share of voxels at each end that may be padding, vessels or metal
_TAIL = 0.04  # share of the brightest voxels that hold no tissue to measure, as fat
_PROMINENCE = 0.05  # of a peak over the valleys beside it, in heights of the largest


@dataclass(frozen=True)
class Histogram:
    """Counts in equal bins.

    Args:
        counts: voxels in each bin.
        means: mean intensity of the voxels of each bin; its centre where there is none.
        step: width of a bin, in the unit of the intensities.
        tail: intensity with 4 % of the voxels above it.
    """

    counts: Floats
    means: Floats
    step: float
    tail: float

    @property
    def occupied(self) -> int:
        """Bins with a voxel."""
        return int(np.count_nonzero(self.counts))


def select_values(channel: Any, mask: Any) -> NDArray[Any]:
    """The intensities in a mask, for NumPy.

    Args:
        channel: any shape, NumPy or torch.
        mask: of the same shape; ``None``: all voxels.

    Raises:
        IntensityError: there are fewer than 100, some are NaN or infinite, all are the
            same, or the mask is on another grid.
    """
    if mask is not None:
        require_grid(mask, channel)
    values = select(to_host(channel), None if mask is None else to_host(mask) != 0)
    if values.size < 100:
        raise IntensityError(
            f"only {values.size} voxels are in the foreground, a histogram needs 100; "
            "choose another foreground"
        )
    require_finite(values)
    if values.min() == values.max():
        raise constant_error(values, None)
    return values


def count_values(values: NDArray[Any]) -> Histogram:
    """The histogram of all values but the 0.1 % darkest and brightest.

    Those count in the outermost bins, as many as they are and with the intensity there:
    a few extreme ones would leave all others in one bin.

    Raises:
        IntensityError: all but a few values are the same.
    """
    low, tail, high = np.quantile(values, (_EXTREME, 1 - _TAIL, 1 - _EXTREME))
    if low == high:
        raise IntensityError(
            f"nearly all {values.size} foreground voxels are {low:g}; check the scan, "
            "or choose another foreground"
        )
    step = (float(high) - float(low)) / _BINS
    kept = np.clip(values, low, high).astype(np.float64)
    bins = np.minimum(((kept - low) / step).astype(np.intp), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS).astype(np.float64)
    sums = np.bincount(bins, weights=kept, minlength=_BINS)
    centres = low + step * (np.arange(_BINS) + 0.5)
    means = np.divide(sums, counts, out=centres, where=counts > 0)
    return Histogram(counts, means, step, float(tail))


def smooth_density(histogram: Histogram) -> Floats:
    r"""The density of the intensities in each bin, up to a factor.

    A Gaussian kernel of Silverman's width, :math:`0.9 \min(\sigma, IQR / 1.34)
    n^{-1/5}`, but at least the mean distance of occupied bins: integers of few levels
    are no peaks.

    References:
        Silverman, "Density Estimation for Statistics and Data Analysis", Chapman and
        Hall, 1986, equation 3.31.
    """
    counts, means = histogram.counts, histogram.means
    total = counts.sum()
    mean = np.dot(counts, means) / total
    spread = np.sqrt(np.dot(counts, np.square(means - mean)) / total)
    quarter, three = np.interp((0.25, 0.75), np.cumsum(counts) / total, means)
    width = min(spread, (three - quarter) / 1.34) if three > quarter else spread
    bandwidth = 0.9 * width * total**-0.2 / histogram.step
    sigma = max(float(bandwidth), counts.size / histogram.occupied)
    return np.asarray(ndimage.gaussian_filter1d(counts, sigma, mode="constant"))


def find_peak(values: NDArray[Any], peak: PeakName) -> float:
    """The intensity of a peak of the distribution: where a tissue has most voxels.

    Args:
        values: intensities of the foreground, shape ``(N,)``.
        peak: ``brightest`` (white matter in T1), ``largest`` (T2, FLAIR) or
            ``darkest`` (PD). A peak stands out by 5 % of the largest one's height; the
            brightest is sought without the brightest 4 % of the voxels, which hold fat
            and vessels.

    Raises:
        IntensityError: there is none.
    """
    histogram = count_values(values)
    density = smooth_density(histogram)
    # Zeros at both ends: also the outermost bins can be peaks.
    places, _ = signal.find_peaks(
        np.pad(density, 1), prominence=_PROMINENCE * density.max()
    )
    places = places - 1
    if peak == "brightest":
        places = places[histogram.means[places] <= histogram.tail]
    if not places.size:
        raise IntensityError(
            f"the histogram of {values.size} foreground voxels has no {peak} peak; "
            "choose another foreground or another peak"
        )
    chosen = {
        "darkest": places[0],
        "largest": places[np.argmax(density[places])],
        "brightest": places[-1],
    }
    return float(histogram.means[chosen[peak]])
