"""Each domain has its own statistics, or its own gain and offset."""

from typing import Literal, Unpack

import torch
from torch import Tensor, nn

from medinorm.layers.conditions.network import Conditional
from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import (
    ChannelNorm,
    check_input,
    check_values,
)
from medinorm.layers.statistics.moments import Moments, moments
from medinorm.layers.statistics.normalize import normalize
from medinorm.layers.statistics.pooled import Pool, normalize_pooled
from medinorm.layers.statistics.processes import pool_batch, process_count
from medinorm.layers.statistics.recorded import can_see_values, has_values
from medinorm.layers.statistics.running import as_moments, remember
from medinorm.layers.statistics.torch_arguments import (
    TorchArguments,
    place_tensors,
    refuse_bias,
)

UNSEEN = -1


@norm(
    "domain_specific",
    "batch normalization with statistics, gain and offset for each training domain, "
    "and their mean for an unseen one",
    needs=("domain",),
    from_study={"num_domains": "domains"},
)
class DomainSpecificNorm3d(ChannelNorm, Conditional):
    r"""A norm with parameters of its own for each domain (scanner, site).

    .. math::
        y = \gamma_{d c}\,\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta_{d c}

    for a sample :math:`n` of the domain :math:`d`. The moments are those of all samples
    of the batch that are of this domain, :math:`\mu_{dc}, \sigma^2_{dc}` (in evaluation
    running statistics), or those of the sample, :math:`\mu_{nc}, \sigma^2_{nc}`.

    With ``statistics="batch"`` each domain also has its own batch statistics (DSBN); a
    batch may mix domains. With ``"instance"`` only gain and offset depend on the domain
    (conditional instance norm).

    The index of a domain that was never seen is -1. It gets the mean of the gains and
    offsets of the domains seen in training, and, in evaluation with batch statistics,
    their running statistics pooled with equal weight. In training -1 is refused.

    Args:
        num_features: number of channels, :math:`C`.
        num_domains: number of domains.
        statistics: ``batch`` or ``instance``.
        momentum: weight of a new batch in the running statistics.
        eps: added to each variance, in the squared unit of the input.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes
        - domain (from `ConditionalNetwork`): integers, :math:`(N,)`
        - output: that of the input, same dtype and layout

    Raises:
        ValueError: on call: no domain was given or it is out of range; a statistic
            would come from a single value.

    References:
        Chang et al., "Domain-Specific Batch Normalization for Unsupervised Domain
        Adaptation", CVPR 2019, arXiv:1906.03950. Dumoulin, Shlens and Kudlur, "A
        Learned Representation for Artistic Style", ICLR 2017, arXiv:1610.07629.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    has_running_statistics = True

    def __init__(
        self,
        num_features: int,
        num_domains: int = 8,
        *,
        statistics: Literal["batch", "instance"] = "batch",
        momentum: float | None = 0.1,
        eps: float = 1e-5,
        **options: Unpack[TorchArguments],
    ) -> None:
        super().__init__(num_features, eps=eps, affine=False, **options)
        refuse_bias(type(self).__name__, options, "each domain")
        if num_domains < 1:
            raise ValueError(f"num_domains must be positive, not {num_domains}")
        if statistics not in {"batch", "instance"}:
            raise ValueError(f"statistics must be batch or instance, not {statistics}")
        self.num_domains, self.statistics = num_domains, statistics
        self.momentum = momentum
        size = (num_domains, num_features)
        self.gains = nn.Parameter(torch.ones(size))
        self.offsets = nn.Parameter(torch.zeros(size))
        self.register_buffer("running_mean", torch.zeros(size))
        self.register_buffer("running_var", torch.ones(size))
        tracked = torch.zeros(num_domains, dtype=torch.int64)
        self.register_buffer("num_batches_tracked", tracked)
        place_tensors(self, options)

    def reset_running_stats(self) -> None:
        """Forget all batches."""
        self.running_mean.zero_()
        self.running_var.fill_(1)
        self.num_batches_tracked.zero_()

    @torch.no_grad()
    def start_from(self, gain: Tensor, offset: Tensor) -> None:
        """Give each domain this gain and offset at first."""
        self.gains.copy_(gain.expand_as(self.gains))
        self.offsets.copy_(offset.expand_as(self.offsets))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        domain = self._domain(x)
        weight, bias = self._row(self.gains, domain), self._row(self.offsets, domain)
        if self.statistics == "instance":
            if self.training:
                self._count(domain)
            pool = Pool(self.num_features)
            return normalize_pooled(x, pool, weight, bias, self.eps)
        measures = self.training and has_values(x)
        used = self._measure(x, domain) if measures else self._recall(domain)
        return normalize(x, used.mean, used.std(self.eps), weight, bias)

    def _domain(self, x: Tensor) -> Tensor:
        """The domain of each sample."""
        domain = (
            self.read_condition("domain").reshape(-1).to(x.device).expand(x.shape[0])
        )
        lowest = 0 if self.training else UNSEEN
        wrong = (domain < lowest) | (domain >= self.num_domains)
        if can_see_values(wrong) and bool(wrong.any()):
            raise ValueError(
                f"domain must be between {lowest} and {self.num_domains - 1} "
                f"(in evaluation -1 means unseen)"
            )
        return domain

    def _row(self, table: Tensor, domain: Tensor) -> Tensor:
        """What a table ``(domains, C)`` holds for the domain of each sample."""
        # By index: a matrix product would be in half precision under autocast.
        return torch.cat([table, self._mean_of_seen(table)])[domain]  # -1 is the last

    def _mean_of_seen(self, table: Tensor) -> Tensor:
        """Mean over the domains seen in training, ``(1, C)``."""
        seen = self.num_batches_tracked > 0
        seen = seen | ~seen.any()  # all, as long as none was seen
        return torch.where(seen[:, None], table, 0).sum(0, keepdim=True) / seen.sum()

    def _count(self, domain: Tensor) -> None:
        """Count a batch for each domain in it."""
        self.num_batches_tracked[torch.unique(domain)] += 1

    def _measure(self, x: Tensor, domain: Tensor) -> Moments:
        """Batch moments of each sample's domain; updates running statistics."""
        own = moments(x)
        count = own.count.expand_as(own.mean)
        mean, variance = own.mean, own.variance
        # Processes that share statistics must all take the same steps.
        every = torch.arange(self.num_domains) if process_count() > 1 else domain
        for index in torch.unique(every).tolist():
            member = domain == index
            fields = (count[member], own.mean[member], own.m2[member])
            batch = pool_batch(Moments(*fields))
            if not batch.count.any():
                continue
            check_values(int(batch.count[0, 0]))
            state = (self.running_mean, self.running_var, self.num_batches_tracked)
            remember(tuple(buffer[index] for buffer in state), batch, self.momentum)
            mean = torch.where(member[:, None], batch.mean, mean)
            variance = torch.where(member[:, None], batch.variance, variance)
        return as_moments(mean, variance)

    def _recall(self, domain: Tensor) -> Moments:
        """Running moments of each sample's domain, pooled over several."""
        between = (self.running_mean - self._mean_of_seen(self.running_mean)).square()
        pooled = self._mean_of_seen(self.running_var + between)
        variance = torch.cat([self.running_var, pooled])[domain]
        return as_moments(self._row(self.running_mean, domain), variance)

    def extra_repr(self) -> str:
        """What `print` shows in the parentheses."""
        return (
            f"{self.num_features}, num_domains={self.num_domains}, "
            f"statistics={self.statistics}, eps={self.eps}"
        )
