"""How intensities are distributed: histograms, their smooth shape and its peaks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medinorm.choices import PeakName
from medinorm.errors import IntensityError
from medinorm.intensity.statistics.moments import constant_error
from medinorm.intensity.statistics.quantiles import measure_quantiles
from medinorm.intensity.voxels.arrays import (
    blocks,
    require_finite,
    select,
)
from medinorm.intensity.voxels.kinds import (
    Voxels,
    as_mask,
    require_grid,
    to_host,
)

Floats = NDArray[np.float64]

_BINS = 1024
_EXTREME = 0.001  # share of voxels at each end that may be padding, vessels or metal
_TAIL = 0.04  # share of the brightest voxels that hold no tissue to measure, as fat
_SHARPNESS = 0.15  # of a peak, as a share of the sharpest one's


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


def select_values(channel: Voxels, mask: Voxels | None) -> NDArray[Any]:
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
    inside = None if mask is None else to_host(as_mask(mask))
    values = select(to_host(channel), inside)
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
    """The histogram of values, the 0.1 % darkest and brightest in the outermost bins.

    They count with the intensity of these bins. Otherwise a few extreme values would
    leave all others in one bin.

    Raises:
        IntensityError: all but a few values are the same.
    """
    low, tail, high = measure_quantiles(
        values, None, (_EXTREME, 1 - _TAIL, 1 - _EXTREME)
    )
    if low == high:
        raise IntensityError(
            f"nearly all {values.size} foreground voxels are {low:g}; check the scan, "
            "or choose another foreground"
        )
    step = (float(high) - float(low)) / _BINS
    counts, sums = np.zeros(_BINS), np.zeros(_BINS)
    with blocks(values, dtypes=[np.float64]) as each:
        for block in each:
            kept = block.clip(low, high)
            bins = np.minimum(((kept - low) / step).astype(np.intp), _BINS - 1)
            counts += np.bincount(bins, minlength=_BINS)
            sums += np.bincount(bins, weights=kept, minlength=_BINS)
    centres = low + step * (np.arange(_BINS) + 0.5)
    means = np.divide(sums, counts, out=centres, where=counts > 0)
    return Histogram(counts, means, step, float(tail))


def smooth_density(histogram: Histogram, derivative: int = 0) -> Floats:
    r"""The density of the intensities at each bin, up to a factor, or its derivative.

    A Gaussian of bandwidth :math:`0.9 \min(\sigma, IQR / 1.34) n^{-1/(2r + 5)}` for
    the :math:`r`-th derivative (Silverman's, for the density), but at least the mean
    distance of occupied bins: then the levels of integers are no peaks. The histogram
    is mirrored at both ends: then the cut of a threshold is no peak either.

    References:
        Silverman, "Density Estimation for Statistics and Data Analysis", Chapman and
        Hall, 1986, equation 3.31.

        Wand and Jones, "Kernel Smoothing", Chapman and Hall, 1995, section 2.12.
    """
    counts, means = histogram.counts, histogram.means
    total = counts.sum()
    mean = np.dot(counts, means) / total
    deviation = np.sqrt(np.dot(counts, np.square(means - mean)) / total)
    quarter, three = np.interp((0.25, 0.75), np.cumsum(counts) / total, means)
    narrow = (three - quarter) / 1.34
    width = min(deviation, narrow) if three > quarter else deviation
    bandwidth = 0.9 * width * total ** (-1 / (2 * derivative + 5)) / histogram.step
    sigma = max(float(bandwidth), counts.size / histogram.occupied)
    mirrored = np.fft.rfft(np.concatenate([counts, counts[::-1]]))
    waves = 2 * np.pi * np.fft.rfftfreq(2 * counts.size)
    gaussian = np.exp(-np.square(sigma * waves) / 2) * (1j * waves) ** derivative
    return np.fft.irfft(mirrored * gaussian)[: counts.size]


def find_peak(values: NDArray[Any], peak: PeakName) -> float:
    """The intensity of a peak of the distribution: where a tissue has most voxels.

    A peak is where the density bends down most, so that shoulders count too: with
    shading and partial volume, white matter is often a shoulder of gray matter's peak.

    Args:
        values: intensities of the foreground, shape ``(N,)``.
        peak: ``brightest`` (white matter in T1), ``largest`` (T2, FLAIR) or
            ``darkest`` (PD). A peak is at least 15 % as sharp as the sharpest; the
            brightest is sought without the brightest 4 % of the voxels, which hold fat
            and vessels.

    Raises:
        IntensityError: there is none.
    """
    histogram = count_values(values)
    bend = -smooth_density(histogram, derivative=2)
    around = np.pad(bend, 1, constant_values=-np.inf)  # the outermost can be peaks too
    is_peak = (bend > around[:-2]) & (bend >= around[2:])
    places = np.flatnonzero(is_peak & (bend >= _SHARPNESS * bend.max()))
    if peak == "brightest":
        places = places[histogram.means[places] <= histogram.tail]
    if not places.size:
        raise IntensityError(
            f"the histogram of {values.size} foreground voxels has no {peak} peak; "
            "choose another foreground or another peak"
        )
    chosen = {
        "darkest": places[0],
        "largest": places[np.argmax(smooth_density(histogram)[places])],
        "brightest": places[-1],
    }
    return float(histogram.means[chosen[peak]])
