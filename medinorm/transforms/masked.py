"""Methods that use the distribution in the foreground, and need it as masks."""

from abc import abstractmethod
from dataclasses import replace
from typing import TypeVar

from medinorm.errors import IntensityError
from medinorm.intensity import LinearMap, Moments, Policy, find_masks, standardize
from medinorm.intensity.maps.piecewise import PiecewiseLinearMap
from medinorm.intensity.voxels.arrays import measure
from medinorm.intensity.voxels.kinds import (
    Masks,
    Voxels,
)
from medinorm.transforms.intensity_transform import IntensityTransform

MapT = TypeVar("MapT", bound=LinearMap | PiecewiseLinearMap)


class MaskedTransform(IntensityTransform):
    """Fit a map to the voxels in the foreground of each channel.

    With ``constant="zeros"`` scans become 0 where all their channels are constant.
    """

    @abstractmethod
    def fit_masked(
        self, voxels: Voxels, masks: Masks
    ) -> LinearMap | PiecewiseLinearMap:
        """The map of a scan, for one mask a channel; ``None`` for all voxels."""

    def fit(
        self, voxels: Voxels, policy: Policy, mask: Voxels | None
    ) -> LinearMap | PiecewiseLinearMap:
        """The map of a scan."""
        masks = find_masks(voxels, policy, mask)
        try:
            fitted = self.fit_masked(voxels, masks)
        except IntensityError:
            if policy.constant == "refuse":
                raise
            own = Moments.of([*map(measure, voxels, masks)])
            if any(own.m2):
                raise
            fitted = standardize(own)
        return follow_policy(fitted, policy)


def follow_policy(intensity_map: MapT, policy: Policy) -> MapT:
    """A map with the values that a policy has for background, NaN and infinity."""
    background, nonfinite = policy.background, policy.nonfinite_value
    return replace(
        intensity_map,
        background=intensity_map.background if background is None else background,
        nonfinite=intensity_map.nonfinite if nonfinite is None else nonfinite,
    )
