"""What every fitted intensity map can do, and what they share."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from medinorm.intensity.arrays import (
    ArrayT,
    is_accelerated,
    require_grid,
    to_host,
)


class IntensityMap(Protocol):
    """A frozen function from intensities to intensities, channel by channel."""

    def apply(self, array: ArrayT, masks: Any = None) -> ArrayT:
        """Map all voxels; the input is not changed.

        Args:
            array: shape ``(C, ...)``, NumPy or torch, any real data type.
            masks: the foreground of each channel, for maps that set a background.

        Returns:
            The same shape, kind and device, float32.
        """
        ...

    def inverse(self) -> "IntensityMap":
        """The map back.

        Raises:
            IntensityError: different intensities became one.
        """
        ...


def empty_float32(array: Any) -> Any:
    """A float32 array of the same shape and order in memory."""
    if is_accelerated(array):
        return array.new_empty(array.shape, dtype=array.float().dtype)
    return np.empty_like(array, dtype=np.float32, subok=False)


def fill_background(mapped: Any, masks: Sequence[Any], value: float) -> None:
    """Write `value` outside of the masks."""
    for out, mask in zip(mapped, masks, strict=True):
        if mask is not None:
            require_grid(mask, out)
            inside = mask if is_accelerated(out) else to_host(mask)
            out[~inside] = value
