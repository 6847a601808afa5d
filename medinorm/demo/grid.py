"""Voxel grids of simulated scans, and their division into sub-voxels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a scan lie.

    Args:
        shape: number of columns, rows and slices.
        affine: ``(4, 4)``, voxel index (column, row, slice) to RAS+ mm.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of voxel centres along columns, rows and slices, in mm."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    def divided(self, parts: tuple[int, int, int]) -> "Grid":
        """The grid of sub-voxels that fill the same space.

        Args:
            parts: sub-voxels to a voxel along each axis.

        Examples:
            >>> fine = Grid((2, 2, 2), np.diag([4.0, 4, 4, 1])).divided((2, 1, 1))
            >>> fine.shape, fine.affine[0, 3].item()
            ((4, 2, 2), -1.0)
        """
        step = 1 / np.array(parts)
        within = np.eye(4)
        within[:3, :3] = np.diag(step)
        within[:3, 3] = (step - 1) / 2
        columns, rows, slices = np.multiply(self.shape, parts).tolist()
        return Grid((columns, rows, slices), self.affine @ within)

    def axis_points(self) -> list[NDArray[np.float64]]:
        """Offsets from the first voxel along each axis, three of shape ``(n, 3)``."""
        return [
            np.arange(size)[:, np.newaxis] * self.affine[:3, axis]
            for axis, size in enumerate(self.shape)
        ]

    def points(self) -> NDArray[np.float32]:
        """World positions of all voxels in mm, shape ``(3, columns, rows, slices)``."""
        x, y, z = (offsets.T.astype(np.float32) for offsets in self.axis_points())
        origin = self.affine[:3, 3].astype(np.float32)
        return (
            (x + origin[:, np.newaxis])[:, :, np.newaxis, np.newaxis]
            + y[:, np.newaxis, :, np.newaxis]
            + z[:, np.newaxis, np.newaxis, :]
        )


def block_mean(
    array: NDArray[np.float32], parts: tuple[int, int, int]
) -> NDArray[np.float32]:
    """Mean over the sub-voxels of each voxel: what a voxel of finite size measures.

    Args:
        array: shape ``(X, Y, Z)``, each a multiple of its number of sub-voxels.
        parts: sub-voxels to a voxel along each axis.

    Examples:
        >>> line = np.arange(4, dtype=np.float32).reshape(4, 1, 1)
        >>> block_mean(line, (2, 1, 1)).ravel()
        array([0.5, 2.5], dtype=float32)
    """
    for axis, count in enumerate(parts):
        total = _take_every(array, axis, 0, count)
        for first in range(1, count):
            total = total + _take_every(array, axis, first, count)
        array = total
    return array / np.float32(np.prod(parts))


def _take_every(
    array: NDArray[np.float32], axis: int, first: int, count: int
) -> NDArray[np.float32]:
    """Every `count`-th sub-voxel along an axis."""
    take = [slice(None)] * 3
    take[axis] = slice(first, None, count)
    return array[tuple(take)]
