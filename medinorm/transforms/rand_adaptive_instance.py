"""Scanner-style augmentation: the moments of one training scan for another."""

from collections import deque
from collections.abc import Sequence
from typing import Unpack

from monai.transforms import RandomizableTransform
from torch import Tensor

from medinorm.intensity import (
    LinearMap,
    Moments,
    Policy,
    match_moments,
    measure_foreground,
)
from medinorm.intensity.voxels.kinds import Voxels
from medinorm.transforms.intensity_transform import IntensityTransform
from medinorm.transforms.on_keys import InvertibleOnKeys, RandomOnKeys
from medinorm.transforms.references import Reference, reference_moments
from medinorm.transforms.settings import Settings, require_pair


class RandAdaptiveInstanceNormalize(RandomizableTransform, IntensityTransform):  # type: ignore[misc]
    """Give a scan the mean and standard deviation of another, drawn at random.

    The other scans are given, or learned. Learned ones are the scans that passed
    before; the first scan is not changed. Each worker of a data loader learns its own.

    Args:
        references: a list of training scans, as for `AdaptiveInstanceNormalize`;
            ``None``: learned.
        prob: probability of a change.
        alpha: how far to go, drawn between these, from 0 (the scan as it is) to 1.
        capacity: how many scans are remembered, the latest, where they are learned.
        settings: foreground and other choices, see `Settings`.

    Raises:
        ValueError: `alpha` is not between 0 and 1 or does not rise, or `capacity` is
            below 1.

    References:
        Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive
        Instance Normalization", ICCV 2017, arXiv:1703.06868.

    Examples:
        >>> import torch
        >>> scanners = [{"mean": [100.0], "std": [10.0]}]
        >>> augment = RandAdaptiveInstanceNormalize(
        ...     scanners, prob=1.0, alpha=(1.0, 1.0), foreground="image"
        ... )
        >>> augment(torch.tensor([[1.0, 3.0]]))
        metatensor([[ 90., 110.]])
    """

    def __init__(
        self,
        references: Reference | Sequence[Reference] | None = None,
        prob: float = 0.1,
        alpha: tuple[float, float] = (0.0, 1.0),
        capacity: int = 64,
        **settings: Unpack[Settings],
    ) -> None:
        RandomizableTransform.__init__(self, prob)
        IntensityTransform.__init__(self, **settings)
        low, high = require_pair("alpha", alpha)
        if not 0 <= low <= high <= 1:
            raise ValueError(f"alpha must rise, from 0 to 1; not {low:g} to {high:g}")
        if capacity < 1:
            raise ValueError(f"capacity must be 1 scan or more, not {capacity}")
        self.alpha = low, high
        self.learns = references is None
        others = [] if self.learns else reference_moments(references, self.policy)
        self.pool: deque[Moments] = deque(others, capacity if self.learns else None)
        self._place, self._alpha = 0.0, 0.0

    def randomize(self, data: object = None) -> None:
        """Draw whether to change a scan, which other scan to use, and how far to go."""
        super().randomize(data)
        # Always drawn: later draws do not depend on whether there is a change.
        self._place, self._alpha = self.R.rand(), self.R.uniform(*self.alpha)

    def __call__(
        self, img: Voxels, mask: Voxels | None = None, randomize: bool = True
    ) -> Tensor:
        """Change an image, perhaps.

        Args:
            img: shape ``(C, ...)``.
            mask: of the foreground, as in `IntensityTransform`.
            randomize: draw anew; otherwise change it as the last one.

        Raises:
            IntensityError: the intensities or the mask cannot be used.
        """
        if randomize:
            self.randomize()
        changed: Tensor = super().__call__(img, mask)
        return changed

    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> LinearMap:
        """The map of a scan; it joins the others where they are learned."""
        others = list(self.pool)
        changes = self._do_transform and bool(others)
        if self.learns or changes:
            own = measure_foreground(voxels, policy, mask)
        if self.learns:
            self.pool.append(own)
        if not changes:
            return _identity(len(voxels)).following(policy)
        target = others[int(self._place * len(others))]
        return match_moments(own, target, self._alpha).following(policy)


class RandAdaptiveInstanceNormalized(RandomOnKeys, InvertibleOnKeys):
    """`RandAdaptiveInstanceNormalize` for items of a dictionary, all changed alike.

    For all keys the other scan is drawn from the same scans: give images of another
    kind (another MR contrast) a transform of their own.
    """

    array_transform = RandAdaptiveInstanceNormalize


def _identity(channels: int) -> LinearMap:
    return LinearMap((0.0,) * channels, (1.0,) * channels)
