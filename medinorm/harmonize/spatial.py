"""One voxel grid: axes along R, A and S, one spacing. Resampling through SimpleITK."""

import math
from collections.abc import Sequence

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from medinorm.files.nifti import Volume
from medinorm.files.resampling import resample, smooth, to_itk
from medinorm.harmonize.label_shares import resample_by_share, weigh_axis

Spacing = tuple[float, float, float]

_SLAB = 32  # slices that are resampled at once
_SMALL = 2**23  # voxels that are smoothed at once
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
        image = _smoothed(volume.with_array(channel[np.newaxis]), blur)
        # A slab at a time: only the image and the result are whole in memory.
        for start in range(0, len(out), _SLAB):
            slab = _slab_of(target, start, min(_SLAB, len(out) - start))
            resampled = resample(image, slab, sitk.sitkLinear)
            out[start : start + _SLAB] = resampled.T
    return target.with_array(array.transpose(0, 3, 2, 1))


def _smoothed(volume: Volume, blur: Sequence[float]) -> sitk.Image:
    """One channel as float32 for ITK, smoothed.

    Smoothing goes along one axis after the other, and a slab across it knows all of its
    lines: the result is that of the whole at once, which takes three times the memory.

    Args:
        volume: of one channel.
        blur: standard deviation along each axis, in mm.
    """
    if volume.array.size <= _SMALL:
        (image,) = to_itk(volume)
        return smooth(sitk.Cast(image, sitk.sitkFloat32), blur)
    image = _empty_image(volume)
    for start in range(0, volume.grid[2], _SLAB):
        slab = slice(start, start + _SLAB)
        (own,) = to_itk(volume.with_array(volume.array[..., slab]))
        own = sitk.Cast(own, sitk.sitkFloat32)
        image[:, :, slab] = smooth(own, (*blur[:2], 0.0))
    for start in range(0, volume.grid[1] if blur[2] > 0 else 0, _SLAB):
        slab = slice(start, start + _SLAB)
        image[:, slab, :] = smooth(image[:, slab, :], (0.0, 0.0, blur[2]))
    return image


def _empty_image(volume: Volume) -> sitk.Image:
    """An image of zeros in the place of a volume, float32."""
    (corner,) = to_itk(volume.with_array(volume.array[:, :1, :1, :1]))
    image = sitk.Image(volume.grid, sitk.sitkFloat32)
    image.SetSpacing(corner.GetSpacing())
    image.SetDirection(corner.GetDirection())
    image.SetOrigin(corner.GetOrigin())
    return image


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
    channels = [resample(image, target, sitk.sitkLinear) for image in to_itk(volume)]
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
