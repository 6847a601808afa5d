"""One voxel grid: axes along R, A and S, one spacing. Resampling through SimpleITK."""

import math
from collections.abc import Sequence
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from medinorm.files.nifti import Volume
from medinorm.harmonize.label_shares import resample_by_share, weigh_axis

Spacing = tuple[float, float, float]

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # between RAS+ (NIfTI) and LPS+ (ITK)
_ROUNDING = 1e-14  # of a direction cosine
_SLAB = 32  # slices that are resampled at once
_SHORTEST = 4  # voxels that ITK's Gaussian needs along an axis
_FWHM = 2 * math.sqrt(2 * math.log(2))  # of a Gaussian, in standard deviations


def orient_to_ras(volume: Volume) -> Volume:
    """Permute and flip axes so that they point most nearly to R, A and S.

    No voxel value changes; an oblique volume stays oblique.
    """
    turn = nib.orientations.io_orientation(volume.affine)
    array = np.stack(
        [nib.orientations.apply_orientation(channel, turn) for channel in volume.array]
    )
    grid = volume.array.shape[1:]
    affine = volume.affine @ nib.orientations.inv_ornt_aff(turn, grid)
    return Volume(array, affine)


def resample_image(volume: Volume, spacing: Spacing) -> Volume:
    """Bring an image to `spacing` along its own axes, linearly, as float32.

    Axes that become coarser are smoothed first, against aliasing of noise and edges:
    the point spread of a voxel of width w is taken as a Gaussian with a full width at
    half maximum of w.

    Args:
        volume: an image with axes along R, A and S.
        spacing: distance of voxel centres, in mm.
    """
    target = respaced(volume, spacing)
    if target.same_grid(volume):
        return volume.with_array(volume.array.astype(np.float32))
    widths = zip(spacing, volume.spacing, strict=True)
    blur = [math.sqrt(max(new**2 - old**2, 0)) / _FWHM for new, old in widths]
    array = np.empty((len(volume.array), *target.grid[::-1]), dtype=np.float32)
    for channel, out in zip(volume.array, array, strict=True):
        (image,) = to_itk(volume.with_array(channel[np.newaxis]))
        image = sitk.Cast(image, sitk.sitkFloat32)
        image = _smooth(image, blur)
        # A slab at a time: only the image and the result are whole in memory.
        for start in range(0, len(out), _SLAB):
            slab = _slab_of(target, start, min(_SLAB, len(out) - start))
            resampled = _resample(image, slab, sitk.sitkLinear)
            out[start : start + _SLAB] = resampled.T
    return target.with_array(array.transpose(0, 3, 2, 1))


def _slab_of(volume: Volume, start: int, count: int) -> Volume:
    """Where some slices of a volume lie, without voxels."""
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 2] * start
    return Volume(np.empty((0, *volume.grid[:2], count), dtype=np.float32), affine)


def resample_labels(volume: Volume, spacing: Spacing) -> Volume:
    """Bring a label map to `spacing`: at each voxel the label with the largest share.

    Labels keep their volume; see `medinorm.harmonize.label_shares`.

    Args:
        volume: a label map with axes along R, A and S.
        spacing: distance of voxel centres, in mm.
    """
    target = respaced(volume, spacing)
    if target.same_grid(volume):
        return volume
    sizes = zip(volume.grid, target.grid, spacing, volume.spacing, strict=True)
    weights = [weigh_axis(old, new, step / own) for old, new, step, own in sizes]
    (labels,) = volume.array
    whole = labels if labels.dtype.kind in "iu" else labels.astype(np.int64)
    new = resample_by_share(whole, weights).astype(labels.dtype, copy=False)
    return target.with_array(new[np.newaxis])


def resample_onto(volume: Volume, target: Volume) -> Volume:
    """Bring channels to the grid of `target`, linearly.

    Beyond the edge of `volume` the nearest voxel counts.

    Args:
        volume: any channels, such as label probabilities.
        target: the volume whose grid is wanted; its voxels are not used.
    """
    channels = [_resample(image, target, sitk.sitkLinear) for image in to_itk(volume)]
    return target.with_array(np.stack(channels))


def respaced(volume: Volume, spacing: Spacing) -> Volume:
    """An empty volume with the same field of view at another spacing.

    The outer faces of the corner voxels stay where they are, up to half a voxel.
    """
    ratio = np.array(spacing) / volume.spacing
    grid = [max(1, round(n / r)) for n, r in zip(volume.grid, ratio, strict=True)]
    affine = volume.affine.copy()
    affine[:3, :3] *= ratio
    middle = (np.array(volume.grid) - 1) / 2
    new_middle = (np.array(grid) - 1) / 2
    affine[:3, 3] += volume.affine[:3, :3] @ middle - affine[:3, :3] @ new_middle
    return Volume(np.empty((0, *grid), dtype=np.float32), affine)


def to_itk(volume: Volume) -> list[sitk.Image]:
    """One ITK image for each channel, in the same place (LPS+)."""
    affine = _LPS @ volume.affine
    images = []
    for channel in volume.array:
        image = sitk.GetImageFromArray(np.ascontiguousarray(channel.T))
        image.SetSpacing(volume.spacing)
        image.SetDirection(_directions(volume))
        image.SetOrigin(affine[:3, 3].tolist())
        images.append(image)
    return images


def _directions(volume: Volume) -> list[float]:
    """Direction cosines of the axes for ITK (LPS+), row by row.

    ITK inverts them wrongly if some are as small as 1e-300; these are set to 0.
    """
    cosines = (_LPS @ volume.affine)[:3, :3] / volume.spacing
    return np.where(np.abs(cosines) < _ROUNDING, 0.0, cosines).ravel().tolist()


def _smooth(image: sitk.Image, blur: Sequence[float]) -> sitk.Image:
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
            smooth = sitk.RecursiveGaussianImageFilter()
            smooth.SetDirection(axis)
            smooth.SetSigma(sigma)
            image = smooth.Execute(image)
    return sitk.Crop(image, none, missing)


def _resample(image: sitk.Image, target: Volume, interpolator: int) -> NDArray[Any]:
    """Voxels of `image` on the grid of `target`, shape ``(X, Y, Z)``."""
    affine = _LPS @ target.affine
    resample = sitk.ResampleImageFilter()
    resample.SetSize(target.grid)
    resample.SetOutputSpacing(target.spacing)
    resample.SetOutputDirection(_directions(target))
    resample.SetOutputOrigin(affine[:3, 3].tolist())
    resample.SetInterpolator(interpolator)
    resample.UseNearestNeighborExtrapolatorOn()
    return np.asarray(sitk.GetArrayFromImage(resample.Execute(image))).T
