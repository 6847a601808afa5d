"""Percentile scaling, with exact order statistics."""

from typing import Unpack

from medinorm.intensity import LinearMap, Policy, fit_percentile
from medinorm.intensity.voxels.kinds import Voxels
from medinorm.transforms.intensity_transform import IntensityTransform
from medinorm.transforms.on_keys import InvertibleOnKeys
from medinorm.transforms.settings import Settings, require_pair


class PercentileScale(IntensityTransform):
    """Bring two percentiles of each channel to 0 and 1, and clip what is beyond.

    Clipping has no inverse: `inverse` refuses images, unless ``restore=False`` leaves
    them as they are, from 0 to 1.

    Args:
        percentiles: the lower and the upper one, in percent; exact for any number of
            voxels, with linear interpolation.
        settings: foreground and other choices, see `Settings`.

    Examples:
        >>> import torch
        >>> PercentileScale((25, 75), foreground="image")(torch.arange(5.0)[None])
        metatensor([[0.0000, 0.0000, 0.5000, 1.0000, 1.0000]])
    """

    def __init__(
        self,
        percentiles: tuple[float, float] = (1.0, 99.0),
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(**settings)
        low, high = require_pair("percentiles", percentiles)
        if not 0 <= low < high <= 100:
            raise ValueError(
                f"percentiles {low:g} and {high:g} must rise, from 0 to 100 percent"
            )
        if high <= 1:
            raise ValueError(
                f"percentiles are in percent: say {100 * low:g} and {100 * high:g}, "
                f"not the fractions {low:g} and {high:g}"
            )
        self.percentiles = low, high

    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> LinearMap:
        """The map of a scan."""
        return fit_percentile(voxels, self.percentiles, policy, mask)


class PercentileScaled(InvertibleOnKeys):
    """`PercentileScale` for items of a dictionary."""

    array_transform = PercentileScale
