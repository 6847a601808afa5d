"""Adaptive instance normalization: gain and offset follow a style."""

from typing import Unpack, cast

import torch
from torch import Tensor, nn

from medinorm.layers.conditions.network import Conditional
from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import ChannelNorm, check_input
from medinorm.layers.statistics.moments import Moments, moments
from medinorm.layers.statistics.normalize import normalize
from medinorm.layers.statistics.pooled import Pool, normalize_pooled
from medinorm.layers.statistics.torch_arguments import (
    PerScanArguments,
    place_tensors,
    refuse_bias,
)


@norm(
    "adaptive_instance",
    "adaptive instance normalization, gain and offset from a style code of "
    "unlabelled scans of the same domain",
    needs=("style",),
    style_encoder=True,
)
class AdaptiveInstanceNorm3d(ChannelNorm, Conditional):
    r"""Instance norm whose gain and offset are predicted from a style code.

    .. math:: y = (1 + g(s))\,\frac{x - \mu_{nc}}{\sigma_{nc}} + b(s)

    :math:`g` and :math:`b` are the two halves of a small network's output; it starts at
    0, so that the layer starts as instance norm. (In FET-GAN the network ends in a ReLU
    and gives mean and standard deviation; a gain around 1 trains better.) The code of K
    scans is the mean of their codes, taken before this network.

    Args:
        num_features: number of channels, :math:`C`.
        style_dim: length of the style code, :math:`S`.
        hidden: width of the small network.
        unbiased: divide the variance by V - 1, as the reference code of the AdaIN
            family does; changes 6.9 % at 2x2x2 voxels, nothing at 64x64x64.
        eps: added to each variance, in the squared unit of the input.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes, more than one voxel
        - style (from `ConditionalNetwork`): codes :math:`(N, S)`
        - output: that of the input, same dtype and layout

    Raises:
        ValueError: on call: no style was given, or there is one voxel per channel.

    References:
        Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive
        Instance Normalization", ICCV 2017, arXiv:1703.06868. Li et al., "FET-GAN",
        AAAI 2020.
    """

    def __init__(
        self,
        num_features: int,
        style_dim: int = 64,
        *,
        hidden: int = 64,
        unbiased: bool = False,
        eps: float = 1e-5,
        **options: Unpack[PerScanArguments],
    ) -> None:
        super().__init__(num_features, eps=eps, affine=False, **options)
        refuse_bias(type(self).__name__, options, "the style")
        self.unbiased = unbiased
        last = nn.Linear(hidden, 2 * num_features)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.to_affine = nn.Sequential(nn.Linear(style_dim, hidden), nn.ReLU(), last)
        place_tensors(self, options)

    @torch.no_grad()
    def start_from(self, gain: Tensor, offset: Tensor) -> None:
        """Give each style this gain and offset at first."""
        last = cast(nn.Linear, self.to_affine[-1])
        last.bias.copy_(torch.cat([gain - 1, offset]))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        pool = Pool(self.num_features)
        pool.check(x)
        code = self.read_condition("style").to(next(self.parameters()).dtype)
        gain, bias = self.to_affine(code).chunk(2, dim=1)
        if not self.unbiased:
            return normalize_pooled(x, pool, 1 + gain, bias, self.eps)
        own = moments(x)
        std = own.std(self.eps, unbiased=True)
        return normalize(x, own.mean, std, 1 + gain, bias)

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"{self.num_features}, eps={self.eps}, unbiased={self.unbiased}"


def match_moments(
    x: Tensor,
    references: Tensor,
    *,
    alpha: float = 1.0,
    unbiased: bool = True,
    eps: float = 1e-5,
) -> Tensor:
    r"""Give each channel of `x` its mean and deviation in reference samples.

    .. math:: y = \alpha\Bigl(\sigma(r)\frac{x-\mu(x)}{\sigma(x)} + \mu(r)\Bigr)
        + (1-\alpha)\,x

    This is adaptive instance norm without learned parameters. Several references are
    pooled: the variance includes that between their means.

    Args:
        x: ``(N, C, ...)``.
        references: ``(N, C, ...)`` or, K for each sample, ``(N, K, C, ...)``; their
            spatial shape is free. One sample may serve all of `x`.
        alpha: 1 for the style of the references, 0 for that of `x`.
        unbiased: divide the variances by the count less one.
        eps: added to each variance.

    Examples:
        >>> x, four = torch.randn(1, 2, 50), 5 + 3 * torch.randn(1, 4, 2, 60)
        >>> match_moments(x, four).mean(2).allclose(four.mean((1, 3)), atol=1e-4)
        True
    """
    shots = references.shape[1] if references.dim() == x.dim() + 1 else 1
    flat = references.flatten(0, 1) if references.dim() == x.dim() + 1 else references
    each = moments(flat)
    fields = (field.expand_as(each.mean) for field in each)
    shape = (-1, shots, x.shape[1])
    pooled = Moments(*(field.reshape(shape) for field in fields)).pool(1)
    goal = Moments(*(field.squeeze(1) for field in pooled))
    own = moments(x)
    gain = goal.std(eps, unbiased=unbiased) / own.std(eps, unbiased=unbiased)
    one = torch.ones_like(gain)
    # Blended before the map, not after: one pass over the voxels.
    gain = torch.lerp(one, gain, alpha)
    return normalize(x, own.mean, one, gain, torch.lerp(own.mean, goal.mean, alpha))
