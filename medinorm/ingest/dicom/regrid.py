"""Volumes resampled onto an even grid with right angles, by linear interpolation."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from medinorm.files.nifti import Volume
from medinorm.ingest.dicom.files import Pixels


def interpolate_slices(
    array: Pixels, index: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Slices at uneven places as slices at even ones.

    Args:
        array: ``(X, Y, N)``.
        index: ``(N,)``, where each slice lies along the third axis of the result, in
            voxels; rises from 0 to a whole number.

    Returns:
        ``(X, Y, Z)``; what lies between two slices is interpolated linearly.

    Examples:
        >>> slices = np.array([[[0.0, 10.0, 40.0]]])
        >>> interpolate_slices(slices, np.array([0.0, 1.0, 3.0])).tolist()
        [[[0.0, 10.0, 25.0, 40.0]]]
    """
    count = round(float(index[-1])) + 1
    even = np.empty((*array.shape[:2], count), dtype=np.float32)
    for place in range(count):
        after = min(int(np.searchsorted(index, place)), len(index) - 1)
        before = max(after - 1, 0)
        extent = index[after] - index[before]
        weight = (index[after] - place) / extent if extent else 0.0
        # In one step, so that a slice that stays keeps its values exactly.
        first, second = array[..., before], array[..., after]
        even[..., place] = first * weight + second * (1 - weight)
    return even


def straighten(volume: Volume) -> Volume:
    """Resample a volume of shifted slices onto a grid with right angles.

    Each slice is shifted within its plane; none is mixed with its neighbours. The new
    grid covers all of the old one, so it has more columns or rows; what no slice covers
    gets the smallest value of the volume.

    Args:
        volume: one channel; the third axis of its affine may lean, the first two are
            perpendicular.

    Returns:
        The volume, float32.
    """
    affine = volume.affine
    spacing = np.linalg.norm(affine[:3, :2], axis=0)
    in_plane = affine[:3, :2] / spacing
    normal = np.cross(in_plane[:, 0], in_plane[:, 1])
    step = affine[:3, 2]
    gap, shift = abs(float(step @ normal)), step @ in_plane
    x, y, z = volume.grid
    total = shift * (z - 1)
    start = np.floor(np.minimum(total, 0) / spacing)
    size = np.array([x, y]) + np.ceil(np.abs(total) / spacing).astype(int)
    lean = sitk.AffineTransform(3)
    lean.SetMatrix([1, 0, -shift[0] / gap, 0, 1, -shift[1] / gap, 0, 0, 1])
    image = sitk.GetImageFromArray(volume.array[0].astype(np.float32).T)
    image.SetSpacing([*map(float, spacing), gap])
    straight = sitk.Resample(
        image,
        [int(size[0]), int(size[1]), z],
        lean,
        sitk.sitkLinear,
        [*map(float, start * spacing), 0.0],
        image.GetSpacing(),
        image.GetDirection(),
        float(volume.array.min()),
        sitk.sitkFloat32,
    )
    turned = affine.copy()
    turned[:3, 2] = normal * (step @ normal)
    turned[:3, 3] += in_plane @ (start * spacing)
    return Volume(sitk.GetArrayFromImage(straight).T[np.newaxis], turned)
