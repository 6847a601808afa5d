"""Patches that are turned and scaled, resampled once and straight from the scan.

What lies beside a patch is read from the scan, so that corners are not invented. Only
where the scan itself ends, its last voxels are repeated and its label map ignored.
"""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch import Tensor

Matrix = NDArray[np.float64]
Point = NDArray[np.float64]

_CHANCE = 0.2  # of turning, and of scaling; these ranges are nnU-Net's
_ANGLE = np.deg2rad(30)
_SCALES = (0.7, 1.4)
_THIN = 3  # a patch is not turned out of the plane of axes this many times longer


def draw_change(rng: np.random.Generator, patch: Sequence[int]) -> Matrix | None:
    """Draw how to turn and scale a patch.

    Args:
        rng: where all randomness comes from.
        patch: its size, in voxels. Axes are turned into each other if their sizes
            differ less than threefold.

    Returns:
        Offsets from the centre in the patch to those in the scan, ``(3, 3)``; None:
        the patch stays as it is.
    """
    turns, scales = rng.random() < _CHANCE, rng.random() < _CHANCE
    angles = rng.uniform(-_ANGLE, _ANGLE, 3)
    low, high = _SCALES
    larger = rng.random() < 0.5  # as often smaller as larger
    scale = rng.uniform(1, high) if larger else rng.uniform(low, 1)
    if not (turns or scales):
        return None
    matrix: Matrix = np.eye(3)
    if turns:
        for axis, angle in enumerate(angles):
            first, second = (other for other in range(3) if other != axis)
            sizes = patch[first], patch[second]
            if max(sizes) <= _THIN * min(sizes):
                matrix = matrix @ _turn(first, second, angle)
    return matrix * (scale if scales else 1.0)


def _turn(first: int, second: int, angle: float) -> Matrix:
    """The rotation in the plane of two axes."""
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def resample_patch(
    image: NDArray[np.float32],
    maps: Sequence[NDArray[np.uint8]],
    centre: Point,
    matrix: Matrix,
    patch: Sequence[int],
) -> tuple[Tensor, Tensor, Tensor]:
    """A changed patch of an image and of the maps on its voxels.

    Args:
        image: shape ``(C, X, Y, Z)``, perhaps on disk; only what is needed is read.
        maps: each of shape ``(X, Y, Z)``.
        centre: of the patch in the scan, in voxels.
        matrix: what `draw_change` gave.
        patch: its size, in voxels.

    Returns:
        The image, linear between voxels, ``(C, x, y, z)``; the maps, that of the
        nearest voxel and 0 outside the scan, ``(M, x, y, z)``; which voxels lie inside
        the scan, ``(x, y, z)``.
    """
    half = (np.array(patch) - 1) / 2
    reach = np.abs(matrix) @ half + 1
    shape = np.array(image.shape[1:])
    first = np.clip(np.floor(centre - reach), 0, shape - 1).astype(int)
    last = np.clip(np.ceil(centre + reach), first, shape - 1).astype(int)
    window = tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))
    start = centre - first - matrix @ half
    sampled = [
        _sample_linear(channel[window], matrix, start, patch) for channel in image
    ]
    index, inside = _nearest_voxels(matrix, start, last - first + 1, patch)
    near = np.stack([values[window].ravel()[index] for values in maps])
    near[:, ~inside] = 0
    return (
        torch.from_numpy(np.stack(sampled)),
        torch.from_numpy(near.astype(np.int64)),
        torch.from_numpy(inside),
    )


def _sample_linear(
    window: NDArray[np.float32], matrix: Matrix, start: Point, patch: Sequence[int]
) -> NDArray[np.float32]:
    """One channel, linear between voxels; by ITK, which is twice as fast as PyTorch.

    Args:
        window: of the scan; beyond it its edge is repeated.
        matrix: offsets in the patch to those in the window.
        start: where in the window the first voxel of the patch lies.
        patch: its size.
    """
    # ITK has the axes in reversed order.
    affine = sitk.AffineTransform(matrix[::-1, ::-1].ravel().tolist(), start[::-1])
    resample = sitk.ResampleImageFilter()
    resample.SetNumberOfThreads(1)
    resample.SetSize([int(size) for size in patch[::-1]])
    resample.SetTransform(affine)
    resample.UseNearestNeighborExtrapolatorOn()
    sampled = resample.Execute(sitk.GetImageFromArray(window))
    return np.asarray(sitk.GetArrayFromImage(sampled))


def _nearest_voxels(
    matrix: Matrix, start: Point, sizes: NDArray[np.int64], patch: Sequence[int]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Flat index of the voxel of a window next to each of a patch; which are inside.

    For arguments see `_sample_linear`.
    """
    index = np.zeros(patch, dtype=np.int32)
    inside = np.ones(patch, dtype=bool)
    offsets = np.ogrid[tuple(map(slice, patch))]
    for axis, size in enumerate(sizes):
        along = sum(
            (step * offset).astype(np.float32)
            for step, offset in zip(matrix[axis], offsets, strict=True)
        )
        nearest = np.rint(along + np.float32(start[axis])).astype(np.int32)
        inside &= (nearest >= 0) & (nearest < size)
        index *= np.int32(size)
        index += nearest.clip(0, np.int32(size - 1), out=nearest)
    return index, inside
