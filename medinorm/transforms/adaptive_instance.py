"""Adaptive instance normalization at image level: moments of reference scans."""

from typing import Any, Unpack

from medinorm.intensity import LinearMap, Policy, fit_adaptive, pool_moments
from medinorm.transforms.intensity_transform import IntensityTransform
from medinorm.transforms.on_keys import InvertibleOnKeys
from medinorm.transforms.references import reference_moments
from medinorm.transforms.settings import Settings


class AdaptiveInstanceNormalize(IntensityTransform):
    """Give each channel of a scan the mean and standard deviation of a reference.

    Args:
        reference: an image (shape ``(C, ...)``), the path of a NIfTI file, its
            `medinorm.intensity.Moments`, or ``{"mean": [...], "std": [...]}`` with one
            number a channel; or a list of several, pooled by total variance.
        alpha: how far to go, from 0 (the scan as it is) to 1.
        settings: foreground and other choices, see `Settings`; of the references too.

    Raises:
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
        self, reference: Any, alpha: float = 1.0, **settings: Unpack[Settings]
    ) -> None:
        super().__init__(**settings)
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be between 0 and 1, not {alpha:g}")
        self.target = pool_moments(reference_moments(reference, self.policy))
        self.alpha = alpha

    def fit(self, voxels: Any, policy: Policy, given: Any) -> LinearMap:
        """The map of a scan."""
        return fit_adaptive(voxels, self.target, policy, given, alpha=self.alpha)


class AdaptiveInstanceNormalized(InvertibleOnKeys):
    """`AdaptiveInstanceNormalize` for items of a dictionary."""

    array_transform = AdaptiveInstanceNormalize
