"""What every fitted intensity map can do, and code that they share."""

from abc import ABC, abstractmethod
from typing import Protocol, cast

import numpy as np

from medinorm.errors import IntensityError
from medinorm.intensity.voxels.kinds import (
    ArrayT,
    Masks,
    Voxels,
    as_mask,
    find_finite,
    is_accelerated,
    match_kind,
    require_grid,
    to_host,
)


class IntensityMap(Protocol):
    """A frozen function from intensities to intensities, channel by channel."""

    def apply(self, array: ArrayT, masks: Masks | None = None) -> ArrayT:
        """Map all voxels; the input is not changed.

        Args:
            array: shape ``(C, ...)``, NumPy or torch, any real data type.
            masks: the foreground of each channel, for maps that set a background.

        Returns:
            The same shape, kind and device, float32.
        """
        ...

    def inverse(self) -> "IntensityMap":
        """The inverse map.

        Raises:
            IntensityError: the map gives different intensities the same value.
        """
        ...


class ChannelMap(ABC):
    """An `IntensityMap` that is a function of the voxel's own intensity.

    Args:
        background: value outside of the masks that `apply` is given; ``None``: the map
            applies there too.
        nonfinite: what NaN and infinity become; ``None``: what the function makes of
            them.
    """

    background: float | None
    nonfinite: float | None

    @property
    @abstractmethod
    def channels(self) -> int:
        """How many channels an image must have."""

    @abstractmethod
    def apply_channel(self, number: int, channel: Voxels, out: Voxels) -> None:
        """Map channel `number` into `out`, a float32 array of its shape."""

    def apply(self, array: ArrayT, masks: Masks | None = None) -> ArrayT:
        """Map all voxels; the input is not changed.

        Args:
            array: shape ``(C, ...)``, NumPy or torch, any real data type.
            masks: one mask for each channel; needed where there is a `background`.

        Returns:
            The same shape, kind, device and order in memory, float32.

        Raises:
            IntensityError: there is a `background` and no mask, a mask is on another
                grid, or the map is of another number of channels.
        """
        if self.background is not None and masks is None:
            raise IntensityError("this map sets the background; give it the foreground")
        require_channels(array, self.channels)
        voxels: Voxels = array if is_accelerated(array) else to_host(array)
        mapped = empty_float32(voxels)
        for number, (channel, out) in enumerate(zip(voxels, mapped, strict=True)):
            self.apply_channel(number, channel, out)
            if self.nonfinite is not None:
                out[~find_finite(channel)] = self.nonfinite
        if self.background is not None and masks is not None:
            fill_background(mapped, masks, self.background)
        if is_accelerated(array):
            return cast("ArrayT", mapped)
        return match_kind(to_host(mapped), array)


def require_channels(array: Voxels, channels: int) -> None:
    """Refuse an image with another number of channels than a map.

    Raises:
        IntensityError: the numbers differ.
    """
    if len(array) != channels:
        raise IntensityError(
            f"the image has {len(array)} channels, the map {channels}; fit the map on "
            "scans with the same channels"
        )


def empty_float32(array: ArrayT) -> ArrayT:
    """A float32 array of the same shape and order in memory."""
    if is_accelerated(array):
        room = array.new_empty(array.shape, dtype=array.float().dtype)
        return cast("ArrayT", room)
    return cast("ArrayT", np.empty_like(array, dtype=np.float32, subok=False))


def fill_background(mapped: Voxels, masks: Masks, value: float) -> None:
    """Write `value` outside of the masks."""
    for out, mask in zip(mapped, masks, strict=True):
        if mask is not None:
            require_grid(mask, out)
            inside = as_mask(mask)
            out[~(inside if is_accelerated(out) else to_host(inside))] = value
