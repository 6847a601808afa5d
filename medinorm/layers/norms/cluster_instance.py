"""Cluster instance normalization, reconstructed from the paper's abstract."""

from typing import Unpack

import torch
from torch import Tensor, nn

from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import (
    ChannelNorm,
    check_input,
    is_recomputing,
)
from medinorm.layers.statistics.moments import Moments, moments
from medinorm.layers.statistics.normalize import normalize
from medinorm.layers.statistics.pooled import Pool, normalize_pooled
from medinorm.layers.statistics.recorded import has_values
from medinorm.layers.statistics.torch_arguments import PerScanArguments, place_tensors

SMALL_BATCH = 4


@norm(
    "cluster_instance",
    "cluster instance normalization, statistics shared with samples of similar "
    "style (a reconstruction from the paper's abstract)",
)
class ClusterInstanceNorm3d(ChannelNorm):
    r"""Normalize with statistics shared among samples of a similar style.

    .. math::
        z_n = [\mu_n, \log\sigma_n], \quad
        A = \mathrm{softmax}(-\lVert z_n - z_j \rVert / \tau), \quad
        \tilde\mu_n = \sum_j A_{nj}\mu_j, \quad
        \tilde\sigma_n^2 = \sum_j A_{nj}
        \bigl(\sigma_j^2 + (\mu_j - \tilde\mu_n)^2\bigr)

    .. math:: y = \gamma\Bigl(g\,\frac{x-\tilde\mu}{\tilde\sigma}
        + (1-g)\,\frac{x-\mu}{\sigma}\Bigr) + \beta

    The distance is the root mean square over the entries of :math:`z`; the gate
    :math:`g`, one for each sample and channel, is a sigmoid of a linear map of
    :math:`z`, 0.5 at the start. No gradient flows through :math:`z`.

    **A reconstruction.** Only the abstract of the paper was available. It says that
    relations of the samples in a batch form clusters, and that the statistics of these
    are recalibrated against those of the instance. The formulas above are this
    package's reading of it.

    Samples of a batch influence each other, in evaluation too; there, a single sample
    gets exactly instance norm. In training with fewer than 4 samples the layer
    remembers the statistics of recent ones.

    Args:
        num_features: number of channels, :math:`C`.
        temperature: :math:`\tau`; large: one cluster, small: each sample its own.
        remembered: how many recent samples are remembered.
        eps: added to each variance, in the squared unit of the input.
        affine: learn a gain and an offset per channel.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes, more than one voxel
        - output: the same, same dtype and layout

    Raises:
        ValueError: `temperature` or `remembered` is not positive; on call: one voxel
            per channel; on backward: a checkpoint runs it again while it remembers.

    References:
        "Cluster-Instance Normalization: A Statistical Relation-Aware Normalization for
        Generalizable Person Re-Identification", IEEE Transactions on Multimedia,
        document 10243072.
    """

    recent_mean: Tensor
    recent_variance: Tensor
    recent_count: Tensor

    def __init__(
        self,
        num_features: int,
        temperature: float = 1.0,
        *,
        remembered: int = 16,
        eps: float = 1e-5,
        affine: bool = True,
        **options: Unpack[PerScanArguments],
    ) -> None:
        super().__init__(num_features, eps=eps, affine=affine, **options)
        if temperature <= 0 or remembered < 1:
            raise ValueError("temperature and remembered must be positive")
        self.temperature = temperature
        self.to_gate = nn.Linear(2 * num_features, num_features)
        nn.init.zeros_(self.to_gate.weight)
        nn.init.zeros_(self.to_gate.bias)
        size = (remembered, num_features)
        self.register_buffer("recent_mean", torch.zeros(size))
        self.register_buffer("recent_variance", torch.ones(size))
        self.register_buffer("recent_count", torch.tensor(0))
        place_tensors(self, options)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        pool = Pool(self.num_features)
        pool.check(x)
        remembers = self.training and x.shape[0] < SMALL_BATCH and has_values(x)
        if remembers and is_recomputing():
            raise ValueError(
                "ClusterInstanceNorm3d remembers more at the second run than at the "
                f"first: with less than {SMALL_BATCH} samples leave it out of "
                "activation checkpointing"
            )
        recent = int(self.recent_count) if remembers else 0
        if x.shape[0] + recent == 1:
            if remembers:
                self._remember(moments(x.detach()))
            return normalize_pooled(x, pool, self.weight, self.bias, self.eps)
        own = moments(x)
        means = torch.cat([own.mean, self.recent_mean[:recent].to(own.mean)])
        variances = torch.cat([own.variance, self.recent_variance[:recent].to(means)])
        if remembers:
            self._remember(own)
        return self._blend(x, own, means, variances)

    def _blend(
        self, x: Tensor, own: Moments, means: Tensor, variances: Tensor
    ) -> Tensor:
        """Normalize with the statistics of the cluster and the sample's own."""
        styles = self._styles(means, variances)
        mine = styles[: x.shape[0]]
        distance = (mine[:, None] - styles).square().mean(2).sqrt()
        share = (-distance / self.temperature).softmax(1)
        mean = share @ means
        between = (means - mean[:, None]).square()
        variance = (share[..., None] * (variances + between)).sum(1)
        gate = self.to_gate(mine.to(self.to_gate.weight.dtype)).sigmoid()
        cluster_std, own_std = (variance + self.eps).sqrt(), own.std(self.eps)
        gain = gate / cluster_std + (1 - gate) / own_std
        offset = gate * (own.mean - mean) / cluster_std
        one = torch.ones_like(own.mean)
        return normalize(x, own.mean, one, *self.follow(gain, offset))

    def _styles(self, means: Tensor, variances: Tensor) -> Tensor:
        """Style vector of each sample, ``(N, 2C)``, without gradient."""
        log_std = 0.5 * (variances + self.eps).log()
        return torch.cat([means, log_std], dim=1).detach()

    @torch.no_grad()
    def _remember(self, own: Moments) -> None:
        """Put the samples of a batch in front of those remembered."""
        size = self.recent_mean.shape[0]
        for recent, new in (
            (self.recent_mean, own.mean),
            (self.recent_variance, own.variance),
        ):
            recent.copy_(torch.cat([new.to(recent), recent])[:size])
        self.recent_count.add_(own.mean.shape[0]).clamp_(max=size)

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return f"{super().extra_repr()}, temperature={self.temperature}"
