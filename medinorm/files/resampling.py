"""Smoothing and resampling of volumes through SimpleITK."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from medinorm.files.nifti import Volume

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # between RAS+ (NIfTI) and LPS+ (ITK)
_ROUNDING = 1e-14  # of a direction cosine
_SHORTEST = 4  # voxels that ITK's Gaussian needs along an axis
_FWHM = 2 * math.sqrt(2 * math.log(2))  # of a Gaussian, in standard deviations
_SAME = 1e-3  # difference of variances that is none


def to_itk(volume: Volume) -> list[sitk.Image]:
    """One ITK image for each channel, in the same place (LPS+)."""
    affine = _LPS @ volume.affine
    images = []
    for channel in volume.array:
        image = sitk.GetImageFromArray(np.ascontiguousarray(channel.T))
        image.SetSpacing(volume.spacing)
        image.SetDirection(directions_of(volume))
        image.SetOrigin(affine[:3, 3].tolist())
        images.append(image)
    return images


def directions_of(volume: Volume) -> list[float]:
    """Direction cosines of the axes for ITK (LPS+), row by row.

    ITK inverts them wrongly if some are as small as 1e-300; these are set to 0.
    """
    cosines = (_LPS @ volume.affine)[:3, :3] / volume.spacing
    return np.where(np.abs(cosines) < _ROUNDING, 0.0, cosines).ravel().tolist()


def smooth(image: sitk.Image, blur: Sequence[float]) -> sitk.Image:
    """Gaussian smoothing with a standard deviation in mm along each axis.

    The filter repeats the voxels at an edge beyond it. Therefore short axes can be
    filled up with the same voxels without changing the result.
    """
    if not any(sigma > 0 for sigma in blur):
        return image
    missing = [max(0, _SHORTEST - size) for size in image.GetSize()]
    none = [0] * len(missing)
    image = sitk.ZeroFluxNeumannPad(image, none, missing)
    for axis, sigma in enumerate(blur):
        if sigma > 0:
            gaussian = sitk.RecursiveGaussianImageFilter()
            gaussian.SetDirection(axis)
            gaussian.SetSigma(sigma)
            image = gaussian.Execute(image)
    return sitk.Crop(image, none, missing)


def resample(
    image: sitk.Image,
    target: Volume,
    interpolator: int,
    *,
    outside: float | None = None,
) -> NDArray[Any]:
    """Voxels of `image` on the grid of `target`, shape ``(X, Y, Z)``.

    Args:
        image: what is resampled.
        target: the volume whose grid is wanted; its voxels are not used.
        interpolator: one of ITK's.
        outside: value beyond the edge; ``None`` is that of the nearest voxel.
    """
    affine = _LPS @ target.affine
    resampling = sitk.ResampleImageFilter()
    resampling.SetSize(target.grid)
    resampling.SetOutputSpacing(target.spacing)
    resampling.SetOutputDirection(directions_of(target))
    resampling.SetOutputOrigin(affine[:3, 3].tolist())
    resampling.SetInterpolator(interpolator)
    if outside is None:
        resampling.UseNearestNeighborExtrapolatorOn()
    else:
        resampling.SetDefaultPixelValue(outside)
    return np.asarray(sitk.GetArrayFromImage(resampling.Execute(image))).T


def blur_between(source: Volume, target: Volume) -> list[float]:
    """How much to smooth along each axis of `source` against aliasing, in mm.

    The point spread of a voxel of width w is taken as a Gaussian with a full width at
    half maximum of w. What is along the axes of `target` is seen along those of
    `source`.

    Returns:
        Standard deviation of a Gaussian for each axis; 0 where `target` is not coarser.
    """
    axes = source.affine[:3, :3] / source.spacing
    wide = np.linalg.norm(axes.T @ target.affine[:3, :3], axis=1)
    variance = wide**2 - np.square(source.spacing)
    # What rounding leaves of equal widths is none.
    coarser = np.where(variance > _SAME * wide**2, variance, 0)
    return [float(deviation) for deviation in np.sqrt(coarser) / _FWHM]
