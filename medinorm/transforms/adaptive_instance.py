"""Adaptive instance normalization at image level: moments of reference scans."""

from collections.abc import Sequence
from typing import Unpack

from medinorm.intensity import (
    LinearMap,
    Policy,
    fit_adaptive,
    pool_moments,
    standardize,
)
from medinorm.intensity.voxels.kinds import Voxels
from medinorm.transforms.fitted import choose_option, take_recorded
from medinorm.transforms.intensity_transform import IntensityTransform
from medinorm.transforms.on_keys import InvertibleOnKeys
from medinorm.transforms.references import Reference, reference_moments
from medinorm.transforms.settings import Settings


class AdaptiveInstanceNormalize(IntensityTransform):
    """Give each channel of a scan the mean and standard deviation of a reference.

    Args:
        reference: an image (shape ``(C, ...)``), the path of a NIfTI file, its
            `medinorm.intensity.Moments`, or ``{"mean": [...], "std": [...]}`` with one
            number a channel; or a list of several, pooled by total variance. Or a map
            fitted by the workflow (``medinorm fit``), or the path of its JSON file: the
            settings recorded there are taken.
        alpha: how far to go, from 0 (the scan as it is) to 1; by default what a fitted
            map recorded, else 1.
        standardize: bring the reference, and all scans by the same map, to mean 0 and
            standard deviation 1 in the end; by default what a fitted map recorded, else
            not.
        settings: foreground and other choices, see `Settings`; of the references too.

    Raises:
        ValueError: `alpha` is not between 0 and 1, or a recorded setting is given too.
        IntensityError: a reference cannot be used; on call: it has other channels.

    References:
        Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive
        Instance Normalization", ICCV 2017, arXiv:1703.06868.

    Examples:
        >>> import torch
        >>> reference = {"mean": [100.0], "std": [10.0]}
        >>> match = AdaptiveInstanceNormalize(reference, foreground="image")
        >>> match(torch.tensor([[1.0, 3.0]]))
        metatensor([[ 90., 110.]])
    """

    def __init__(
        self,
        reference: Reference | Sequence[Reference],
        alpha: float | None = None,
        standardize: bool | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        target, chosen, options = take_recorded(reference, settings)
        super().__init__(**chosen)
        self.alpha: float = choose_option("alpha", alpha, options, 1.0)
        self.standardize: bool = choose_option(
            "standardize", standardize, options, False
        )
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha must be between 0 and 1, not {self.alpha:g}")
        self.target = pool_moments(reference_moments(target, self.policy))

    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> LinearMap:
        """The map of a scan."""
        matched = fit_adaptive(voxels, self.target, policy, mask, alpha=self.alpha)
        return matched.then(standardize(self.target)) if self.standardize else matched


class AdaptiveInstanceNormalized(InvertibleOnKeys):
    """`AdaptiveInstanceNormalize` for items of a dictionary."""

    array_transform = AdaptiveInstanceNormalize
