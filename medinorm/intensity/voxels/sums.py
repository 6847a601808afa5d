"""What is measured of voxels, and small calculations that all functions share."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from medinorm.errors import IntensityError

_NEGLIGIBLE = 2.0**-24  # half the distance of float32 numbers near 1


@dataclass(frozen=True)
class VoxelMoments:
    """How many voxels, their mean, and their squared deviations from it, summed."""

    count: int
    mean: float
    m2: float

    @property
    def std(self) -> float:
        """Standard deviation, of the voxels themselves (not of a larger population)."""
        return sqrt(self.m2 / self.count)


def merge(parts: Sequence[VoxelMoments]) -> VoxelMoments:
    """The moments of all voxels together, from those of the parts.

    References:
        Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The
        American Statistician 37(3), 1983.
    """
    return merge_parts([(one.count, one.mean, one.m2) for one in parts if one.count])


def merge_parts(parts: Sequence[tuple[int, float, float]]) -> VoxelMoments:
    """As `merge`, of counts, means and deviations."""
    if not parts:
        return VoxelMoments(0, 0.0, 0.0)
    count, mean, m2 = np.array(parts).T
    # Means as differences to one of them: a large offset costs no digits.
    with np.errstate(invalid="ignore", over="ignore"):
        shift = mean - mean[0]
        middle = count.dot(shift) / count.sum()
        total = m2.sum() + count.dot(np.square(shift - middle))
    return VoxelMoments(int(count.sum()), float(mean[0] + middle), float(total))


def refuse_nonfinite(nan: int, infinite: int) -> None:
    """Refuse NaN and infinity by their counts.

    Raises:
        IntensityError: a count is not 0.
    """
    if nan or infinite:
        raise IntensityError(
            f"{nan} voxels are NaN and {infinite} infinite; repair the scan, or "
            "leave them out (nonfinite: ignore)"
        )


def split_offset(offset: float, scale: float) -> tuple[np.float32, float]:
    """A float32 number near `offset`, and the rest, divided by `scale`."""
    near = np.float32(offset)
    rest = (offset - float(near)) / scale
    return near, rest if abs(rest) > _NEGLIGIBLE else 0.0
