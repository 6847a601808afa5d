"""Running statistics of batches, for the norms that have a batch part."""

from typing import cast

import torch
from torch import Tensor, nn

from medinorm.layers.statistics.moments import Moments
from medinorm.layers.statistics.processes import pool_batch, process_count


class RunningMoments(nn.Module):
    """Moments of the batch in training, remembered ones in evaluation.

    Args:
        num_features: number of channels, :math:`C`.
        momentum: weight of a new batch; None for the average over all batches.

    Examples:
        >>> from medinorm.layers.statistics.moments import moments
        >>> running = RunningMoments(1, momentum=None)
        >>> _ = running(moments(torch.tensor([[[1.0, 3.0]]])))
        >>> running.eval()(moments(torch.zeros(1, 1, 2))).mean
        tensor([[2.]])
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, num_features: int, momentum: float | None = 0.1) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def reset_running_stats(self) -> None:
        """Forget all batches."""
        self.running_mean.zero_()
        self.running_var.fill_(1)
        self.num_batches_tracked.zero_()

    def forward(self, measured: Moments) -> Moments:
        """Moments to normalize a batch with, given those of each sample.

        Args:
            measured: moments of the channels of each sample, ``(N, C)``.

        Returns:
            Moments of shape ``(1, C)``.
        """
        # Of an empty batch there is nothing to remember, unless others have samples.
        empty = not measured.mean.shape[0] and process_count() == 1
        if not self.training or empty:
            return as_moments(self.running_mean[None], self.running_var[None])
        batch = pool_batch(measured)
        state = (self.running_mean, self.running_var, self.num_batches_tracked)
        remember(state, batch, self.momentum)
        return batch


def as_moments(mean: Tensor, variance: Tensor) -> Moments:
    """A mean and a variance as the moments of one voxel."""
    return Moments(torch.ones_like(mean), mean, variance)


@torch.no_grad()
def remember(state: tuple[Tensor, ...], batch: Moments, momentum: float | None) -> None:
    """Move running statistics towards those of a batch, in place.

    Args:
        state: running mean and variance, ``(C,)``, and number of batches.
        batch: moments of a batch, ``(1, C)``.
        momentum: weight of the batch; None for an equal weight of all batches.
    """
    mean, variance, tracked = state
    tracked.add_(1)
    share = 1 / tracked.to(mean.dtype) if momentum is None else momentum
    unbiased = batch.m2 / (batch.count - 1).clamp(min=1)
    # The weight may be a tensor (it follows the count), which mypy's stubs miss.
    weight = cast("float", share)
    mean.lerp_(batch.mean[0].to(mean), weight)
    variance.lerp_(unbiased[0].to(variance), weight)
