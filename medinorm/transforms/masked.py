"""Methods that look at the distribution in the foreground, and need it as masks."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from medinorm.errors import IntensityError
from medinorm.intensity import Moments, Policy, find_masks, standardize
from medinorm.intensity.voxels.arrays import measure
from medinorm.transforms.intensity_transform import IntensityTransform


class MaskedTransform(IntensityTransform):
    """Fit a map to the voxels in the foreground of each channel.

    With ``constant="zeros"`` scans become 0 where all their channels are constant.
    """

    @abstractmethod
    def fit_masked(self, voxels: Any, masks: Sequence[Any]) -> Any:
        """The map of a scan, for one mask a channel; ``None`` for all voxels."""

    def fit(self, voxels: Any, policy: Policy, given: Any) -> Any:
        """The map of a scan."""
        masks = find_masks(voxels, policy, given)
        try:
            map_ = self.fit_masked(voxels, masks)
        except IntensityError:
            if policy.constant == "refuse":
                raise
            own = Moments.of([*map(measure, voxels, masks)])
            if any(own.m2):
                raise
            map_ = standardize(own)
        return following(map_, policy)


def following(map_: Any, policy: Policy) -> Any:
    """A map with the values that a policy has for background, NaN and infinity."""
    chosen = {"background": policy.background, "nonfinite": policy.nonfinite_value}
    changes = {name: value for name, value in chosen.items() if value is not None}
    return replace(map_, **changes)
