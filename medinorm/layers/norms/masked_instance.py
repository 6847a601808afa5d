"""Instance normalization inside a mask."""

from typing import Unpack

import torch
from torch import Tensor

from medinorm.layers.conditions.network import Conditional
from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import (
    ChannelNorm,
    check_input,
)
from medinorm.layers.statistics.moments import moments
from medinorm.layers.statistics.normalize import normalize
from medinorm.layers.statistics.pooled import Pool
from medinorm.layers.statistics.recorded import can_see_values
from medinorm.layers.statistics.torch_arguments import PerScanArguments


@norm(
    "masked_instance",
    "instance normalization with statistics of the foreground",
    needs=("mask",),
)
class MaskedInstanceNorm3d(ChannelNorm, Conditional):
    r"""Instance norm with the statistics of the voxels inside a mask.

    .. math::
        y = \gamma_c\,\frac{x - \mu_{nc}}{\sqrt{\sigma^2_{nc} + \epsilon}} + \beta_c,
        \qquad \mu_{nc} = \frac{\sum_v m_{nv}\,x_{ncv}}{\sum_v m_{nv}}, \quad
        \sigma^2_{nc} =
        \frac{\sum_v m_{nv}\,(x_{ncv} - \mu_{nc})^2}{\sum_v m_{nv}}

    with the weight :math:`m_{nv}` of each voxel, from 0 to 1.

    How much air surrounds the patient, or how much a scan was padded, then has no
    influence. All voxels are mapped, those outside too. The mask of the input is
    averaged down to each level of the network: a voxel half inside counts half.

    A sample whose mask is (nearly) empty, less than two voxels, is normalized with all
    its voxels.

    Args:
        num_features: number of channels, :math:`C`.
        eps: added to each variance, in the squared unit of the input.
        affine: learn a gain and an offset per channel.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes, more than one voxel
        - mask (from `ConditionalNetwork`): :math:`(N, 1, ...)`, weights from 0 to 1
        - output: that of the input, same dtype and layout

    Raises:
        ValueError: on call: no mask was given, or there is one voxel per channel.

    References:
        Yu et al., "Region Normalization for Image Inpainting", AAAI 2020,
        arXiv:1911.10375: statistics inside and outside of a mask. Here those of the
        inside map all voxels.
    """

    def __init__(
        self,
        num_features: int,
        *,
        eps: float = 1e-5,
        affine: bool = True,
        **options: Unpack[PerScanArguments],
    ) -> None:
        super().__init__(num_features, eps=eps, affine=affine, **options)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        Pool(self.num_features).check(x)
        mask = self.read_map("mask", x, "average")
        inside = moments(x, mask)
        mean, variance = inside.mean, inside.variance
        enough = inside.count >= 2
        if not can_see_values(x) or not bool(enough.all()):
            everywhere = moments(x)
            mean = torch.where(enough, mean, everywhere.mean)
            variance = torch.where(enough, variance, everywhere.variance)
        std = (variance + self.eps).sqrt()
        return normalize(x, mean, std, self.weight, self.bias)
