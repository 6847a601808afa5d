"""Linear intensity maps, for z-scores, percentiles, windows and clipping."""

from dataclasses import dataclass, replace
from math import isfinite
from typing import ClassVar

from medinorm.errors import IntensityError
from medinorm.intensity.foreground import Policy
from medinorm.intensity.maps.intensity_map import ChannelMap
from medinorm.intensity.statistics.moments import ForegroundMoments
from medinorm.intensity.voxels.arrays import subtract_divide
from medinorm.intensity.voxels.kinds import Voxels


@dataclass(frozen=True)
class LinearMap(ChannelMap):
    r"""A map :math:`y_c = (x_c - a_c) / b_c` of each channel, optionally clipped.

    Args:
        offset: :math:`a`, one for each channel, in the unit of the input.
        scale: :math:`b`, one for each channel, positive.
        limits: lowest and highest value of :math:`y`, or ``None``.
        background: value of :math:`y` outside of the masks that `apply` is given;
            ``None``: the map applies there too.
        nonfinite: what NaN and infinity become; ``None``: they stay (clipping makes
            infinity a limit).

    Examples:
        >>> import numpy as np
        >>> LinearMap((2.0,), (4.0,)).apply(np.array([[2, 6]], dtype=np.int16))
        array([[0., 1.]], dtype=float32)
        >>> LinearMap((2.0,), (4.0,)).inverse().apply(np.array([[0.0, 1.0]]))
        array([[2., 6.]], dtype=float32)
    """

    kind: ClassVar[str] = "linear"

    offset: tuple[float, ...]
    scale: tuple[float, ...]
    limits: tuple[float, float] | None = None
    background: float | None = None
    nonfinite: float | None = None

    @property
    def channels(self) -> int:
        """How many channels an image must have."""
        return len(self.offset)

    def apply_channel(self, number: int, channel: Voxels, out: Voxels) -> None:
        """Map channel `number` into `out`, a float32 array of its shape."""
        offset, scale = self.offset[number], self.scale[number]
        subtract_divide(channel, offset, scale, out, self.limits)

    def inverse(self) -> "LinearMap":
        """The inverse map.

        Raises:
            IntensityError: this map clips or sets a background.
        """
        kept = (self.limits, self.background, self.nonfinite)
        if kept != (None, None, None):
            raise IntensityError(
                "this map clips or replaces intensities, and has no inverse"
            )
        pairs = list(zip(self.offset, self.scale, strict=True))
        return LinearMap(
            offset=tuple(-offset / scale for offset, scale in pairs),
            scale=tuple(1 / scale for _, scale in pairs),
        )

    def then(self, other: "LinearMap") -> "LinearMap":
        """This map followed by the other, as one map; neither of them clips.

        Examples:
            >>> LinearMap((1.0,), (2.0,)).then(LinearMap((3.0,), (4.0,)))
            LinearMap(offset=(7.0,), scale=(8.0,), ...)
        """
        channels = list(
            zip(self.offset, self.scale, other.offset, other.scale, strict=True)
        )
        return replace(
            self,
            offset=tuple(a + b * c for a, b, c, _ in channels),
            scale=tuple(b * d for _, b, _, d in channels),
        )

    def following(self, policy: Policy) -> "LinearMap":
        """The same map, with the policy's values for background, NaN and infinity."""
        return replace(
            self, background=policy.background, nonfinite=policy.nonfinite_value
        )


def standardize(moments: ForegroundMoments) -> LinearMap:
    """The map that brings these moments to mean 0 and standard deviation 1.

    A constant channel, which a policy may allow, becomes 0.
    """
    return LinearMap(
        offset=moments.mean, scale=tuple(std or 1.0 for std in moments.std)
    )


def match_moments(
    moments: ForegroundMoments, target: ForegroundMoments, alpha: float = 1.0
) -> LinearMap:
    r"""The map that gives a scan the mean and standard deviation of others.

    .. math:: y = (1 - \alpha)\,x
        + \alpha \left(\sigma_t \frac{x - \mu}{\sigma} + \mu_t\right)

    Args:
        moments: of the scan, :math:`\mu, \sigma`.
        target: of one reference or of several (`pool_moments`),
            :math:`\mu_t, \sigma_t`.
        alpha: how far to go, from 0 (the scan as it is) to 1.

    Raises:
        IntensityError: the references have another number of channels, or `alpha` is
            not between 0 and 1.

    References:
        Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive
        Instance Normalization", ICCV 2017, arXiv:1703.06868.

    Examples:
        >>> import numpy as np
        >>> own = ForegroundMoments((9,), (5.0,), (36.0,))
        >>> other = ForegroundMoments((9,), (0.0,), (9.0,))
        >>> match_moments(own, other).apply(np.array([[3.0, 5.0, 7.0]]))
        array([[-1.,  0.,  1.]], dtype=float32)
    """
    if not 0 <= alpha <= 1:
        raise IntensityError(f"alpha must be between 0 and 1, not {alpha:g}")
    if len(target.mean) != len(moments.mean):
        raise IntensityError(
            f"the references have {len(target.mean)} channels, the scan "
            f"{len(moments.mean)}; compare scans with the same channels"
        )
    offsets, scales = [], []
    for own, other in zip(moments.by_channel, target.by_channel, strict=True):
        gain = 1 - alpha + alpha * (other.std / own.std if own.m2 else 1.0)
        mean = own.mean + alpha * (other.mean - own.mean)
        if not gain > 0:
            raise IntensityError("a reference is constant; choose another")
        offsets.append(own.mean - mean / gain)
        scales.append(1 / gain)
    return LinearMap(tuple(offsets), tuple(scales))


def clip_map(low: float, high: float, channels: int) -> LinearMap:
    """The map that clips intensities beyond two limits and changes no others.

    Examples:
        >>> import numpy as np
        >>> clip_map(-1000, 1000, 1).apply(np.array([[-2000, 40]]))
        array([[-1000.,    40.]], dtype=float32)
    """
    if not low < high:
        raise IntensityError(f"limits {low:g} and {high:g} do not rise")
    return LinearMap((0.0,) * channels, (1.0,) * channels, limits=(low, high))


def window_map(center: float, width: float, channels: int) -> LinearMap:
    """The map of a CT window: its edges go to 0 and 1, and what is beyond is clipped.

    Args:
        center: middle of the window, in HU.
        width: from edge to edge, in HU, positive.
        channels: how many channels the image has.

    Examples:
        >>> import numpy as np
        >>> window_map(40, 400, 1).apply(np.array([[-1024, -160, 40, 240, 3000]]))
        array([[0. , 0. , 0.5, 1. , 1. ]], dtype=float32)
    """
    if not (isfinite(center) and isfinite(width)):
        raise IntensityError("center and width of a window must be finite numbers")
    if not width > 0:
        raise IntensityError(f"a window {width:g} HU wide shows nothing; widen it")
    low = center - width / 2
    return LinearMap((low,) * channels, (width,) * channels, limits=(0.0, 1.0))
