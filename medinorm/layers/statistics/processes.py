"""Sums over the processes that share one training."""

from typing import Any

import torch
from torch import Tensor
from torch import distributed as processes

from medinorm.layers.statistics.moments import Moments


def process_count() -> int:
    """How many processes share this training; 1: no other does.

    Examples:
        >>> process_count()
        1
    """
    joined = processes.is_available() and processes.is_initialized()
    return processes.get_world_size() if joined else 1


def process_rank() -> int:
    """The number of this process, from 0."""
    return processes.get_rank() if process_count() > 1 else 0


def add_over_processes(values: Tensor) -> Tensor:
    """Sum of a tensor over all processes, each of which must call this.

    Examples:
        >>> add_over_processes(torch.tensor([2.0]))
        tensor([2.])
    """
    if process_count() == 1:
        return values
    total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return total


def pool_batch(measured: Moments) -> Moments:
    """Moments of a batch, or of those of all processes, ``(1, C)``.

    Args:
        measured: moments of the channels of each sample, ``(N, C)``; of none if other
            processes have samples.
    """
    if len(measured.mean) or process_count() == 1:
        return pool_over_processes(measured.pool(0))
    # Sums of nothing, so that the backward pass, too, meets the other processes.
    nothing = measured.mean.sum(0, keepdim=True)
    return pool_over_processes(Moments(nothing.detach(), nothing, nothing))


def pool_over_processes(measured: Moments) -> Moments:
    """Moments of the union of what all processes measured."""
    if process_count() == 1:
        return measured
    count = measured.count.expand_as(measured.mean)
    total = add_over_processes(count)
    share = count / torch.where(total > 0, total, 1)
    mean = add_over_processes(share * measured.mean)
    between = count * (measured.mean - mean).square()
    return Moments(total, mean, add_over_processes(measured.m2 + between))


class _Sum(torch.autograd.Function):
    """A sum over processes; its gradient is that of the sum of their losses."""

    @staticmethod
    def forward(_ctx: Any, values: Tensor) -> Tensor:
        total = values.clone(memory_format=torch.contiguous_format)
        processes.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        processes.all_reduce(total)
        return total
