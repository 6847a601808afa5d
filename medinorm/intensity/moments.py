"""Count, mean and spread of each channel's foreground."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medinorm.errors import IntensityError
from medinorm.intensity.arrays import measure
from medinorm.intensity.spread import Spread, merge


@dataclass(frozen=True)
class Moments:
    """Count, mean and sum of squared deviations of each channel's foreground.

    The deviations are 0 exactly if the foreground is constant.
    """

    count: tuple[int, ...]
    mean: tuple[float, ...]
    m2: tuple[float, ...]

    @property
    def std(self) -> tuple[float, ...]:
        """Standard deviation of each channel."""
        return tuple(spread.std for spread in self.spreads)

    @property
    def spreads(self) -> tuple[Spread, ...]:
        """The same by channel."""
        return tuple(map(Spread, self.count, self.mean, self.m2))

    @classmethod
    def of(cls, spreads: Sequence[Spread]) -> "Moments":
        """Moments from those of each channel."""
        return cls(
            count=tuple(spread.count for spread in spreads),
            mean=tuple(spread.mean for spread in spreads),
            m2=tuple(spread.m2 for spread in spreads),
        )


def measure_moments(array: Any, masks: Sequence[Any]) -> Moments:
    """Moments of each channel in its mask, in float64, deviations from the mean.

    Args:
        array: shape ``(C, ...)``, NumPy or torch.
        masks: one mask for each channel; ``None`` for all voxels.

    Raises:
        IntensityError: all voxels of a mask have the same value, none is in it, one is
            NaN or infinite, or it is on another grid.
    """
    spreads = []
    for channel, mask in zip(array, masks, strict=True):
        spread = measure(channel, mask)
        if not spread.m2:
            raise constant_error(channel, mask)
        spreads.append(spread)
    return Moments.of(spreads)


def merge_moments(parts: Sequence[Moments]) -> Moments:
    """The moments of all voxels together, from those of the parts.

    References:
        Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The
        American Statistician 37(3), 1983.

    Raises:
        IntensityError: there is no part, or parts differ in their number of channels.
    """
    require_same_channels(parts)
    channels = zip(*(part.spreads for part in parts), strict=True)
    return Moments.of([merge(spreads) for spreads in channels])


def pool_moments(parts: Sequence[Moments]) -> Moments:
    r"""The moments of several scans, each with the same weight, by total variance.

    .. math:: \mu = \tfrac1K \sum_k \mu_k, \qquad
        \sigma^2 = \tfrac1K \sum_k \bigl(\sigma_k^2 + (\mu_k - \mu)^2\bigr)

    Other than in `merge_moments` a large scan counts no more than a small one.

    Returns:
        The moments; `count` is the number of scans.

    Raises:
        IntensityError: there is no part, or parts differ in their number of channels.
    """
    return merge_moments(
        [
            Moments((1,) * len(part.count), part.mean, tuple(s * s for s in part.std))
            for part in parts
        ]
    )


def require_same_channels(parts: Sequence[Moments]) -> None:
    """Refuse moments that cannot be compared.

    Raises:
        IntensityError: there is no part, or parts differ in their number of channels.
    """
    if len({len(part.count) for part in parts}) != 1:
        raise IntensityError(
            "no scan was measured, or scans differ in their number of channels"
        )


def constant_error(channel: Any, mask: Any = None) -> IntensityError:
    """What to say of a constant foreground."""
    spread = measure(channel, mask)
    return IntensityError(
        f"all {spread.count} foreground voxels are {spread.mean:g}; "
        "check the scan, or choose another foreground"
    )
