"""Exact order statistics of the voxels in a mask."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medinorm.errors import IntensityError
from medinorm.intensity.voxels.kinds import (
    Voxels,
    as_mask,
    is_accelerated,
    require_grid,
    to_host,
)
from medinorm.intensity.voxels.ranks import find_ranks


def measure_quantiles(
    channel: Voxels, mask: Voxels | None, fractions: Sequence[float]
) -> NDArray[np.float64]:
    """Exact order statistics of the voxels in a mask, with linear interpolation.

    As `numpy.quantile` of the values in float64, for any number of voxels.

    Args:
        channel: any shape and real data type, finite in the mask.
        mask: of the same shape; ``None``: all voxels.
        fractions: between 0 and 1.

    Raises:
        IntensityError: no voxel is in the mask, one of them is NaN or infinite, or the
            mask is on another grid.
    """
    inside = mask
    if mask is not None:
        require_grid(mask, channel)
        inside = as_mask(mask)
    if is_accelerated(channel):
        from medinorm.intensity.voxels import tensors  # noqa: PLC0415  (imports torch)

        low, high, between = tensors.find_ranks(channel, inside, fractions)
    else:
        host = None if inside is None else to_host(inside)
        low, high, between = find_ranks(to_host(channel), host, fractions)
    if not low.size:
        raise IntensityError("no voxel is in the mask; check it, or choose another")
    return np.asarray(low + (high - low) * between)
