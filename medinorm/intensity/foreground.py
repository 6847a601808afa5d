"""Foreground: the voxels whose intensities are measured.

The choice restricts the measurement only; the map that follows applies to all voxels.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from medinorm.choices import ForegroundName
from medinorm.errors import IntensityError

Mask = NDArray[np.bool_]

_BINS = 256
_EXTREME = 0.001


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

    It is sought among the square roots of the intensities above the darkest: otherwise
    bright fat near a coil is one class, and brain falls to the air. Gain and offset of
    a scanner move it along.

    Args:
        channel: any shape.

    References:
        Otsu, "A threshold selection method from gray-level histograms", IEEE
        Transactions on Systems, Man, and Cybernetics 9(1), 1979.
    """
    roots, dark = _roots(channel)
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.SetNumberOfHistogramBins(_BINS)
    otsu.Execute(sitk.GetImageFromArray(roots))
    return dark + float(otsu.GetThreshold()) ** 2


def find_regions(channel: NDArray[Any], count: int) -> NDArray[np.uint8]:
    """Divide voxels into classes of intensity, from dark (0) to bright, by multi-Otsu.

    Like `otsu_threshold`, among square roots.

    Args:
        channel: shape ``(X, Y, Z)``.
        count: number of classes, at least 2.

    References:
        Liao, Chen and Chung, "A fast algorithm for multilevel thresholding", Journal of
        Information Science and Engineering 17(5), 2001.
    """
    roots, _ = _roots(channel)
    otsu = sitk.OtsuMultipleThresholdsImageFilter()
    otsu.SetNumberOfThresholds(count - 1)
    otsu.SetNumberOfHistogramBins(_BINS // 2)  # all combinations of bins are tried
    otsu.Execute(sitk.GetImageFromArray(roots))
    classes = np.digitize(roots, sorted(otsu.GetThresholds()), right=True)
    return np.asarray(classes, dtype=np.uint8)


def _roots(channel: NDArray[Any]) -> tuple[NDArray[np.float32], float]:
    """Square roots of the intensities above the darkest, and what counts as darkest.

    The 0.1 % darkest and brightest voxels count as the quantile there: a few extreme
    ones (padding, vessels, metal) would fill the histogram with empty bins.
    """
    dark, bright = np.quantile(channel, (_EXTREME, 1 - _EXTREME))
    above = np.clip(channel, dark, bright).astype(np.float64) - dark
    return np.sqrt(above).astype(np.float32), float(dark)


FOREGROUNDS: Mapping[ForegroundName, Callable[[NDArray[Any]], Mask]] = {
    "image": lambda channel: np.ones(channel.shape, dtype=bool),
    "nonzero": lambda channel: channel != 0,
    "positive": lambda channel: channel > 0,
    "otsu": lambda channel: channel > otsu_threshold(channel),
}
