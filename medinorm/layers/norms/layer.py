"""Layer normalization."""

from typing import Unpack

import torch.nn.functional as F
from torch import Tensor

from medinorm.layers.declare import norm
from medinorm.layers.statistics.blocks import in_layout_of
from medinorm.layers.statistics.channel_norm import (
    ChannelNorm,
    check_input,
    find_parameters,
)
from medinorm.layers.statistics.pooled import Pool, normalize_pooled
from medinorm.layers.statistics.torch_arguments import PerScanArguments


@norm(
    "layer",
    "layer normalization, per scan over all channels",
    monai="medinorm_layer",
)
class LayerNorm3d(ChannelNorm):
    r"""Normalize all values of each sample together, or each voxel over its channels.

    .. math::
        y = \gamma_c\,\frac{x - \mu_n}{\sqrt{\sigma^2_n + \epsilon}} + \beta_c, \qquad
        \mu_n = \frac{1}{CV} \sum_{c,v} x_{ncv}, \quad
        \sigma^2_n = \frac{1}{CV} \sum_{c,v} (x_{ncv} - \mu_n)^2

    or, with `per_voxel`, :math:`\mu_{nv}` and :math:`\sigma^2_{nv}`, the mean and the
    variance over :math:`c` alone.

    By default one mean and variance per sample over channels and voxels, as in
    `torch.nn.GroupNorm` with one group. With `per_voxel`, one per voxel over the
    channels, as transformers and ConvNeXt do. Then only the direction of a voxel's
    features is left of its contrast with its neighbours. Unlike in
    `torch.nn.LayerNorm` the shape of the volume is free.

    Args:
        num_features: number of channels, :math:`C`.
        eps: added to each variance, in the squared unit of the input.
        affine: learn a gain and an offset per channel.
        per_voxel: statistics over the channels of each voxel.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes
        - output: the same, same dtype and layout

    Raises:
        ValueError: `per_voxel` with a single channel; on call: one value per sample.

    Examples:
        >>> import torch
        >>> y = LayerNorm3d(4, per_voxel=True)(torch.rand(1, 4, 2, 2, 2))
        >>> y.mean(dim=1).abs().max().item() < 1e-5
        True

    References:
        Ba, Kiros and Hinton, "Layer Normalization", 2016, arXiv:1607.06450.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        per_voxel: bool = False,
        **options: Unpack[PerScanArguments],
    ) -> None:
        super().__init__(num_features, eps=eps, affine=affine, **options)
        if per_voxel and num_features < 2:
            raise ValueError("per_voxel needs at least two channels")
        self.per_voxel = per_voxel

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        if self.per_voxel:
            return self._normalize_voxels(x)
        return normalize_pooled(x, Pool(1), *find_parameters(self), self.eps)

    def _normalize_voxels(self, x: Tensor) -> Tensor:
        """Normalize over the channels of each voxel."""
        size = (self.num_features,)
        last = x.movedim(1, -1)
        weight, bias = (
            p if p is None else p.to(x.dtype) for p in (self.weight, self.bias)
        )
        y = F.layer_norm(last, size, weight, bias, self.eps).to(x.dtype).movedim(-1, 1)
        return in_layout_of(y, x)
