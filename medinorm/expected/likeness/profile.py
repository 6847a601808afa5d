"""The intensities of a harmonized scan as a few numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medinorm.intensity.foreground import otsu_threshold

PERCENTILES = (10, 25, 50, 75, 90, 99)
_VOXELS = 100_000  # that are looked at, of one channel


def profile_image(
    image: NDArray[np.float32], spacing: Sequence[float]
) -> NDArray[np.float64]:
    """Numbers by which the scans of one scanner resemble each other.

    For each channel: the threshold between dark and bright voxels (Otsu 1979),
    percentiles of the bright ones, the logarithm of their volume in ml, and how much
    neighbours among them differ, which noise and sharpness decide.

    Args:
        image: shape ``(C, X, Y, Z)``, on the study's grid and intensity scale.
        spacing: in mm.

    Returns:
        Shape ``(C * 9,)``; not-a-number where a channel is constant.
    """
    voxel = float(np.prod(spacing)) / 1000
    return np.concatenate([_profile_channel(channel, voxel) for channel in image])


def _profile_channel(channel: NDArray[np.float32], voxel: float) -> NDArray[np.float64]:
    """The numbers of one channel."""
    stride = max(round((channel.size / _VOXELS) ** 0.5), 1)
    planes = channel[::stride, ::stride]  # neighbours along the last axis stay
    threshold = otsu_threshold(planes)
    bright = planes > threshold
    if not bright.any():
        return np.full(len(PERCENTILES) + 3, np.nan)
    both = bright[..., 1:] & bright[..., :-1]
    steps = np.abs(np.diff(planes, axis=-1))[both]
    return np.array(
        [
            threshold,
            *np.percentile(planes[bright], PERCENTILES),
            np.log(np.count_nonzero(bright) * stride**2 * voxel),
            float(np.median(steps)) if steps.size else 0.0,
        ],
        np.float64,
    )
