"""Count, mean and standard deviation of each channel's foreground."""

from collections.abc import Sequence
from dataclasses import dataclass

from medinorm.errors import IntensityError
from medinorm.intensity.voxels.arrays import measure
from medinorm.intensity.voxels.kinds import (
    Masks,
    Rule,
    Voxels,
)
from medinorm.intensity.voxels.sums import VoxelMoments, merge


@dataclass(frozen=True)
class ForegroundMoments:
    """Count, mean and sum of squared deviations of each channel's foreground.

    The deviations are 0 exactly if the foreground is constant.
    """

    count: tuple[int, ...]
    mean: tuple[float, ...]
    m2: tuple[float, ...]

    @property
    def std(self) -> tuple[float, ...]:
        """Standard deviation of each channel."""
        return tuple(moments.std for moments in self.by_channel)

    @property
    def by_channel(self) -> tuple[VoxelMoments, ...]:
        """The moments of each channel."""
        return tuple(map(VoxelMoments, self.count, self.mean, self.m2))

    @classmethod
    def of(cls, by_channel: Sequence[VoxelMoments]) -> "ForegroundMoments":
        """Moments from those of each channel."""
        return cls(
            count=tuple(moments.count for moments in by_channel),
            mean=tuple(moments.mean for moments in by_channel),
            m2=tuple(moments.m2 for moments in by_channel),
        )


def measure_moments(array: Voxels, masks: Masks) -> ForegroundMoments:
    """Moments of each channel in its mask, in float64, deviations from the mean.

    Args:
        array: shape ``(C, ...)``, NumPy or torch.
        masks: one mask for each channel; ``None`` for all voxels.

    Raises:
        IntensityError: all voxels of a mask have the same value, none is in it, one is
            NaN or infinite, or it is on another grid.
    """
    by_channel = []
    for channel, mask in zip(array, masks, strict=True):
        moments = measure(channel, mask)
        if not moments.m2:
            raise constant_error(channel, mask)
        by_channel.append(moments)
    return ForegroundMoments.of(by_channel)


def merge_moments(parts: Sequence[ForegroundMoments]) -> ForegroundMoments:
    """The moments of all voxels of several scans together.

    References:
        Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The
        American Statistician 37(3), 1983.

    Raises:
        IntensityError: there is no scan, or scans differ in their number of channels.
    """
    return ForegroundMoments.of([merge(channel) for channel in _by_channel(parts)])


def merge_scans(parts: Sequence[ForegroundMoments]) -> ForegroundMoments:
    """As `merge_moments`, but scans in which a channel is constant do not count in it.

    It may not have been acquired in them. If it is constant in all scans, all count.

    Raises:
        IntensityError: there is no scan, or scans differ in their number of channels.
    """
    return ForegroundMoments.of(
        [
            merge([moments for moments in channel if moments.m2] or channel)
            for channel in _by_channel(parts)
        ]
    )


def pool_moments(parts: Sequence[ForegroundMoments]) -> ForegroundMoments:
    r"""The moments of several scans, each with the same weight, by total variance.

    .. math:: \mu = \tfrac1K \sum_k \mu_k, \qquad
        \sigma^2 = \tfrac1K \sum_k \bigl(\sigma_k^2 + (\mu_k - \mu)^2\bigr)

    Unlike in `merge_scans`, a large scan counts no more than a small one.

    Returns:
        The moments; `count` is the number of scans.

    Raises:
        IntensityError: there is no scan, or scans differ in their number of channels.
    """
    return merge_scans(
        [
            ForegroundMoments(
                (1,) * len(scan.count), scan.mean, tuple(s * s for s in scan.std)
            )
            for scan in parts
        ]
    )


def require_same_channels(channels: Sequence[int]) -> None:
    """Refuse scans that cannot be compared.

    Args:
        channels: how many each scan has.

    Raises:
        IntensityError: there is no scan, or scans differ in their number of channels.
    """
    if not channels:
        raise IntensityError("no scan was measured; measure one or more")
    if len(set(channels)) > 1:
        listed = " or ".join(map(str, sorted(set(channels))))
        raise IntensityError(
            f"scans have {listed} channels; measure scans with the same number of "
            "channels"
        )


def _by_channel(parts: Sequence[ForegroundMoments]) -> list[tuple[VoxelMoments, ...]]:
    """The moments of each channel, those of all parts."""
    require_same_channels([len(scan.count) for scan in parts])
    return list(zip(*(scan.by_channel for scan in parts), strict=True))


def constant_error(
    channel: Voxels, mask: Voxels | Rule | None = None
) -> IntensityError:
    """The error for a constant foreground."""
    moments = measure(channel, mask)
    return IntensityError(
        f"all {moments.count} foreground voxels are {moments.mean:g}; "
        "check the scan, or choose another foreground"
    )
