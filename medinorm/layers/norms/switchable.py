"""Switchable normalization."""

from typing import Unpack

import torch
from torch import Tensor, nn

from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import ChannelNorm, check_input
from medinorm.layers.statistics.moments import moments
from medinorm.layers.statistics.normalize import normalize
from medinorm.layers.statistics.pooled import Pool
from medinorm.layers.statistics.running import RunningMoments
from medinorm.layers.statistics.torch_arguments import TorchArguments, place_tensors


@norm(
    "switchable",
    "switchable normalization, a learned mix of instance, layer and batch statistics",
)
class SwitchableNorm3d(ChannelNorm):
    r"""Mix the statistics of instance, layer and batch norm by learned weights.

    .. math::
        y = \gamma\,
        \frac{x - \sum_k w_k \mu_k}{\sqrt{\sum_k w'_k \sigma_k^2 + \epsilon}} + \beta,
        \qquad k \in \{\mathrm{IN}, \mathrm{LN}, \mathrm{BN}\}

    The weights are the softmax of three logits for the means and three for the
    variances, shared by all channels. In evaluation the batch's part comes from running
    statistics. A sample of one voxel is allowed; its instance variance is 0.

    Args:
        num_features: number of channels, :math:`C`.
        momentum: weight of a new batch in the running statistics.
        eps: added to the mixed variance, in the squared unit of the input.
        affine: learn a gain and an offset per channel.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes
        - output: the same, same dtype and layout

    Raises:
        ValueError: `num_features` is not positive; on call: one value per sample.

    References:
        Luo et al., "Differentiable Learning-to-Normalize via Switchable Normalization",
        ICLR 2019, arXiv:1806.10779.
    """

    has_running_statistics = True

    def __init__(
        self,
        num_features: int,
        *,
        momentum: float | None = 0.1,
        eps: float = 1e-5,
        affine: bool = True,
        **options: Unpack[TorchArguments],
    ) -> None:
        super().__init__(num_features, eps=eps, affine=affine, **options)
        self.mean_logits = nn.Parameter(torch.zeros(3))
        self.variance_logits = nn.Parameter(torch.zeros(3))
        self.running = RunningMoments(num_features, momentum)
        place_tensors(self, options)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        layer = Pool(groups=1)
        layer.check(x)
        own = moments(x)
        sources = (own, layer.moments(own), self.running(own))
        of_mean = self.mean_logits.softmax(0, dtype=own.mean.dtype)
        of_variance = self.variance_logits.softmax(0, dtype=own.mean.dtype)
        mean = sum(w * source.mean for w, source in zip(of_mean, sources, strict=True))
        variance = sum(
            w * source.variance for w, source in zip(of_variance, sources, strict=True)
        )
        std = (variance + self.eps).sqrt()
        return normalize(x, torch.as_tensor(mean), std, self.weight, self.bias)
