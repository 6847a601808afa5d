"""Noise and sharpness of a harmonized scan as a few numbers.

Tissue, contrast and the shape of a head differ from subject to subject, and hide the
scanner. How much neighbouring voxels differ, along each axis, hardly depends on the
subject: noise, voxel size, filters and the direction of slices decide it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from medinorm.intensity.foreground import otsu_threshold

NUMBERS = 18  # of a channel
_VOXELS = 150_000  # that are looked at, of one channel and axis
_INSIDE = (5, 95)  # percentiles of bright voxels, between which the unit lies
_LEAST = 1e-4  # of that unit: smaller differences are none


def measure_texture(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much neighbours differ, along each axis.

    For each channel and axis: the median and the 90th percentile of the difference of
    bright neighbours (Otsu 1979), the median for dark ones, the median for bright
    voxels two apart, and the median and the 90th percentile of the second difference of
    bright ones; all as logarithms, in units of the range of bright voxels.

    Args:
        image: shape ``(C, X, Y, Z)``, on the study's grid.

    Returns:
        Shape ``(C * 18,)``; not-a-number where a channel is constant.
    """
    return np.concatenate([_measure_channel(channel) for channel in image])


def _measure_channel(channel: NDArray[np.float32]) -> NDArray[np.float64]:
    """The numbers of one channel."""
    lines = [_thin(channel, axis) for axis in range(3)]
    threshold = otsu_threshold(lines[2])
    bright = lines[2][lines[2] > threshold]
    if not bright.size:
        return np.full(NUMBERS, np.nan)
    low, high = np.percentile(bright, _INSIDE)
    unit = max(float(high - low), float(np.finfo(np.float32).tiny))
    numbers = [number for own in lines for number in _measure_lines(own, threshold)]
    return np.log(np.maximum(np.array(numbers, np.float64) / unit, _LEAST))


def _thin(channel: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Some lines of a channel along an axis, which becomes the last one."""
    lines = np.moveaxis(channel, axis, -1)
    stride = max(round(channel.size / _VOXELS), 1)
    return lines.reshape(-1, lines.shape[-1])[::stride]


def _measure_lines(lines: NDArray[np.float32], threshold: float) -> Iterator[float]:
    """The numbers of one axis."""
    bright = lines > threshold
    first, second = bright[..., 1:], bright[..., :-1]
    steps = np.diff(lines, axis=-1)
    yield from _summarize(steps[first & second])
    yield next(_summarize(steps[~(first | second)]))
    apart = lines[..., 2:] - lines[..., :-2]
    outer = bright[..., 2:] & bright[..., :-2]
    yield next(_summarize(apart[outer]))
    yield from _summarize(np.diff(steps, axis=-1)[outer & bright[..., 1:-1]])


def _summarize(differences: NDArray[np.float32]) -> Iterator[float]:
    """Median and 90th percentile of absolute values; 0 if there are none."""
    sizes = np.abs(differences) if differences.size else np.zeros(1, np.float32)
    # Of so many values the nearest rank is enough, and faster.
    ranks = [sizes.size // 2, (sizes.size * 9) // 10]
    yield from map(float, np.partition(sizes, ranks)[ranks])
