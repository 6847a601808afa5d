"""What every fitted intensity map can do."""

from typing import Any, Protocol

from medinorm.intensity.arrays import ArrayT


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
