"""Volumes resampled onto other grids, by linear interpolation."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from medinorm.files.nifti import Volume
from medinorm.files.resampling import blur_between, resample, smooth, to_itk
from medinorm.ingest.dicom.files import Pixels

_LATTICE = 50  # places along an axis at which it is seen whether a grid is covered


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


def bring_onto(volume: Volume, target: Volume) -> Volume:
    """Resample a volume onto the grid of another, smoothed first where it is finer.

    What lies outside of it gets its smallest value.

    Args:
        volume: one channel.
        target: the volume whose grid is wanted; its voxels are not used.

    Returns:
        The volume, float32.
    """
    with np.errstate(over="ignore"):  # what overflows is refused as not finite
        array = volume.array.astype(np.float32)
    (image,) = to_itk(volume.with_array(array))
    image = smooth(image, blur_between(volume, target))
    lowest = float(array.min())
    voxels = resample(image, target, sitk.sitkLinear, outside=lowest)
    return target.with_array(voxels[np.newaxis])


def share_covered(volume: Volume, target: Volume) -> float:
    """The share of the grid of `target` that lies inside of a volume.

    Examples:
        >>> whole = Volume(np.zeros((1, 8, 8, 8)), np.eye(4))
        >>> half = Volume(np.zeros((1, 8, 8, 4)), np.eye(4))
        >>> share_covered(whole, half), share_covered(half, whole)
        (1.0, 0.5)
    """
    axes = [np.linspace(0, n - 1, min(n, _LATTICE)) for n in target.grid]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    turn = np.linalg.inv(volume.affine) @ target.affine
    index = places @ turn[:3, :3].T + turn[:3, 3]
    inside = (index >= -0.5) & (index <= np.array(volume.grid) - 0.5)
    return float(inside.all(axis=-1).mean())
