"""Group normalization."""

from typing import Unpack

from torch import Tensor

from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import (
    ChannelNorm,
    check_input,
    find_parameters,
)
from medinorm.layers.statistics.pooled import Pool, normalize_pooled
from medinorm.layers.statistics.torch_arguments import PerScanArguments

DEFAULT_GROUPS = 8


@norm(
    "group",
    "group normalization, per scan and group of channels",
    monai="medinorm_group",
)
class GroupNorm3d(ChannelNorm):
    r"""Normalize each group of neighbouring channels of each sample.

    .. math::
        y = \gamma_c\,\frac{x - \mu_{ng}}{\sqrt{\sigma^2_{ng} + \epsilon}} + \beta_c,
        \qquad \mu_{ng} = \frac{G}{CV} \sum_{c \in g,\,v} x_{ncv}, \quad
        \sigma^2_{ng} = \frac{G}{CV} \sum_{c \in g,\,v} (x_{ncv} - \mu_{ng})^2

    for the channels :math:`c` of each of the :math:`G` groups :math:`g`.

    The same function as `torch.nn.GroupNorm` (its state dicts load), also correct in
    ``channels_last_3d``. The name alone is enough to build it: `num_groups` has a
    default.

    Args:
        num_features: number of channels, :math:`C`.
        num_groups: a divisor of :math:`C`; by default the largest not above 8.
        eps: added to each variance, in the squared unit of the input.
        affine: learn a gain and an offset per channel.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes
        - output: the same, same dtype and layout

    Raises:
        ValueError: `num_groups` does not divide `num_features`; on call: a group
            holds one value.

    Examples:
        >>> GroupNorm3d(12)
        GroupNorm3d(12, num_groups=6, eps=1e-05, affine=True)

    References:
        Wu and He, "Group Normalization", ECCV 2018, arXiv:1803.08494.
    """

    def __init__(
        self,
        num_features: int,
        num_groups: int | None = None,
        *,
        eps: float = 1e-5,
        affine: bool = True,
        **options: Unpack[PerScanArguments],
    ) -> None:
        super().__init__(num_features, eps=eps, affine=affine, **options)
        if num_groups is None:
            num_groups = largest_divisor(num_features, DEFAULT_GROUPS)
        self.num_groups = num_groups
        if self.num_groups < 1 or num_features % self.num_groups:
            raise ValueError(
                f"num_groups must divide num_features: {self.num_groups} does not "
                f"divide {num_features}"
            )

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        pool = Pool(groups=self.num_groups)
        return normalize_pooled(x, pool, *find_parameters(self), self.eps)

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return (
            super().extra_repr().replace(", ", f", num_groups={self.num_groups}, ", 1)
        )


def largest_divisor(number: int, limit: int) -> int:
    """Largest divisor of `number` that is at most `limit`.

    Examples:
        >>> largest_divisor(20, 8)
        5
    """
    return next(d for d in range(min(limit, number), 0, -1) if number % d == 0)
