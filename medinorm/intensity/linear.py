"""Linear intensity maps: z-score, percentiles and training-set statistics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medinorm.errors import IntensityError
from medinorm.intensity.foreground import Mask


@dataclass(frozen=True)
class LinearMap:
    r"""A map :math:`y_c = (x_c - a_c) / b_c` of each channel, optionally clipped.

    Args:
        offset: :math:`a`, one for each channel, in the unit of the input.
        scale: :math:`b`, one for each channel, positive.
        limits: lowest and highest value of :math:`y`, or ``None``.

    Examples:
        >>> LinearMap((2.0,), (4.0,)).apply(np.array([[2, 6]], dtype=np.int16))
        array([[0., 1.]], dtype=float32)
    """

    offset: tuple[float, ...]
    scale: tuple[float, ...]
    limits: tuple[float, float] | None = None

    def apply(self, array: NDArray[Any]) -> NDArray[np.float32]:
        """Map all voxels; the input is not changed.

        Args:
            array: shape ``(C, ...)``, any real data type.

        Returns:
            The same shape, float32.
        """
        mapped = np.empty(array.shape, dtype=np.float32)
        for channel, offset, scale, out in zip(
            array, self.offset, self.scale, mapped, strict=True
        ):
            # The offset is removed in float64: in float32 a mean of 1e6 loses it.
            out[...] = np.subtract(channel, offset, dtype=np.float64) / scale
        if self.limits:
            np.clip(mapped, *self.limits, out=mapped)
        return mapped


@dataclass(frozen=True)
class Moments:
    """Count, mean and sum of squared deviations of each channel's foreground."""

    count: tuple[int, ...]
    mean: tuple[float, ...]
    m2: tuple[float, ...]

    @property
    def std(self) -> tuple[float, ...]:
        """Standard deviation of each channel."""
        return tuple(
            float(np.sqrt(m2 / count))
            for m2, count in zip(self.m2, self.count, strict=True)
        )


def measure_moments(array: NDArray[Any], masks: Sequence[Mask]) -> Moments:
    """Moments of each channel in its mask, in float64, deviations from the mean.

    Args:
        array: shape ``(C, X, Y, Z)``.
        masks: one mask for each channel.

    Raises:
        IntensityError: all voxels of a mask have the same value.
    """
    selected = [channel[mask] for channel, mask in zip(array, masks, strict=True)]
    for values in selected:
        _require_contrast(values)
    means = [values.mean(dtype=np.float64) for values in selected]
    m2 = [
        np.square(np.subtract(values, mean, dtype=np.float64)).sum()
        for values, mean in zip(selected, means, strict=True)
    ]
    return Moments(
        count=tuple(values.size for values in selected),
        mean=tuple(map(float, means)),
        m2=tuple(map(float, m2)),
    )


def merge_moments(parts: Sequence[Moments]) -> Moments:
    """The moments of all voxels together, from those of the parts.

    References:
        Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The
        American Statistician 37(3), 1983.
    """
    count = np.array([part.count for part in parts], dtype=np.float64)
    mean = np.array([part.mean for part in parts])
    m2 = np.array([part.m2 for part in parts])
    total = count.sum(axis=0)
    pooled = (count * mean).sum(axis=0) / total
    spread = (m2 + count * np.square(mean - pooled)).sum(axis=0)
    return Moments(
        count=tuple(int(n) for n in total),
        mean=tuple(pooled.tolist()),
        m2=tuple(spread.tolist()),
    )


def standardize(moments: Moments) -> LinearMap:
    """The map that brings these moments to mean 0 and standard deviation 1."""
    return LinearMap(offset=moments.mean, scale=moments.std)


def fit_percentiles(
    array: NDArray[Any], masks: Sequence[Mask], percentiles: tuple[float, float]
) -> LinearMap:
    """The map that brings two percentiles of the foreground to 0 and 1, and clips.

    Args:
        array: shape ``(C, X, Y, Z)``.
        masks: one mask for each channel.
        percentiles: the lower and the upper one, in percent; exact order statistics
            with linear interpolation between them.

    Raises:
        IntensityError: both percentiles have the same value.
    """
    offsets, scales = [], []
    for channel, mask in zip(array, masks, strict=True):
        values = channel[mask]
        _require_contrast(values)
        low, high = np.percentile(values.astype(np.float64), percentiles)
        if low == high:
            raise IntensityError(
                f"percentiles {percentiles[0]:g} and {percentiles[1]:g} are both "
                f"{low:g}; spread them or choose another foreground"
            )
        offsets.append(float(low))
        scales.append(float(high - low))
    return LinearMap(tuple(offsets), tuple(scales), limits=(0.0, 1.0))


def _require_contrast(values: NDArray[Any]) -> None:
    """Refuse a constant foreground.

    The extremes are compared, not the standard deviation: that of a constant float32
    array is often above 0.
    """
    if values.min() == values.max():
        raise IntensityError(
            f"all {values.size} foreground voxels are {values.flat[0]:g}; "
            "check the scan, or choose another foreground"
        )
