"""Batch-instance normalization."""

from typing import Any, Unpack

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from medinorm.layers.declare import norm
from medinorm.layers.statistics.channel_norm import ChannelNorm, check_input
from medinorm.layers.statistics.moments import moments
from medinorm.layers.statistics.normalize import normalize
from medinorm.layers.statistics.pooled import Pool
from medinorm.layers.statistics.processes import add_over_processes
from medinorm.layers.statistics.recorded import is_transformed
from medinorm.layers.statistics.running import RunningMoments
from medinorm.layers.statistics.torch_arguments import TorchArguments, place_tensors


@norm("batch_instance", "batch and instance normalization, blended by channel")
class BatchInstanceNorm3d(ChannelNorm):
    r"""Blend batch and instance normalization by a learned gate per channel.

    .. math::
        y = \gamma \bigl(\rho\,\mathrm{BN}(x) + (1-\rho)\,\mathrm{IN}(x)\bigr) + \beta

    The gate :math:`\rho` starts at 1 (batch norm) and is kept in [0, 1]. The paper
    trains it with a higher learning rate than the weights.

    Args:
        num_features: number of channels, :math:`C`.
        momentum: weight of a new batch in the running statistics.
        eps: added to each variance, in the squared unit of the input.
        affine: learn a gain and an offset per channel.

    Shape:
        - input: :math:`(N, C, ...)`, 1 to 3 spatial axes, more than one voxel
        - output: the same, same dtype and layout

    Raises:
        ValueError: `num_features` is not positive; on call: one voxel per channel.

    References:
        Nam and Kim, "Batch-Instance Normalization for Adaptively Style-Invariant Neural
        Networks", NeurIPS 2018, arXiv:1805.07925.
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
        self.rho = nn.Parameter(torch.ones(num_features))
        self.running = RunningMoments(num_features, momentum)
        place_tensors(self, options)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `x`."""
        check_input(x, self.num_features)
        Pool(self.num_features).check(x)
        own = moments(x)
        batch = self.running(own)
        rho = self._gate()
        gain = rho / batch.std(self.eps) + (1 - rho) / own.std(self.eps)
        offset = rho * (own.mean - batch.mean) / batch.std(self.eps)
        one = torch.ones_like(own.mean)
        return normalize(x, own.mean, one, *self.follow(gain, offset))

    def _gate(self) -> Tensor:
        """The gate, kept in [0, 1]."""
        if is_transformed():  # torch.func takes no autograd functions
            return self.rho.clamp(0, 1)
        gate: Tensor = _Gate.apply(self.rho)  # type: ignore[no-untyped-call]
        return gate


class _Gate(torch.autograd.Function):
    """Clamp to [0, 1]; outside, gradients that lead back inside are kept.

    `torch.clamp` has no gradient there: a gate that a step moved outside would never
    return.
    """

    @staticmethod
    def forward(ctx: Any, rho: Tensor) -> Tensor:
        ctx.save_for_backward(rho)
        return rho.clamp(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (rho,) = ctx.saved_tensors
        # Where processes share a mini-batch, the direction is that of all together.
        total = add_over_processes(gradient)
        outwards = ((rho >= 1) & (total < 0)) | ((rho <= 0) & (total > 0))
        return torch.where(outwards, 0, gradient)
