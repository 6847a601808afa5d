"""Foreground: the voxels whose intensities are measured.

The choice restricts the measurement only; the map that follows applies to all voxels.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from medinorm.config import ForegroundName
from medinorm.errors import IntensityError

Mask = NDArray[np.bool_]

_BINS = 256


def find_foreground(channel: NDArray[Any], method: ForegroundName) -> Mask:
    """The foreground of one channel.

    Args:
        channel: shape ``(X, Y, Z)``, finite.
        method: ``image`` (all voxels), ``nonzero``, ``positive``, or ``otsu`` (voxels
            above the threshold between background and tissue, Otsu 1979).

    Returns:
        Mask of the same shape.

    Raises:
        IntensityError: no voxel is in the foreground.
    """
    mask = FOREGROUNDS[method](channel)
    if not mask.any():
        raise IntensityError(
            f"no voxel is in the foreground {method!r}; choose another foreground"
        )
    return mask


def otsu_threshold(channel: NDArray[Any]) -> float:
    """The intensity that best separates two classes of voxels.

    The brightest 0.1 % of voxels count as the 99.9th percentile, so that a few extreme
    ones (vessels, metal) do not fill the histogram with empty bins.

    Args:
        channel: any shape.

    References:
        Otsu, "A threshold selection method from gray-level histograms", IEEE
        Transactions on Systems, Man, and Cybernetics 9(1), 1979.
    """
    top = np.quantile(channel, 0.999)
    image = sitk.GetImageFromArray(np.minimum(channel, top).astype(np.float32))
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.SetNumberOfHistogramBins(_BINS)
    otsu.Execute(image)
    return float(otsu.GetThreshold())


FOREGROUNDS: Mapping[ForegroundName, Callable[[NDArray[Any]], Mask]] = {
    "image": lambda channel: np.ones(channel.shape, dtype=bool),
    "nonzero": lambda channel: channel != 0,
    "positive": lambda channel: channel > 0,
    "otsu": lambda channel: channel > otsu_threshold(channel),
}
