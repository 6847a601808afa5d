"""Norms by the statistics of their own input, computed in the fastest safe way."""

from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from medinorm.layers.statistics.blocks import (
    FORMATS,
    apply_affine,
    combine,
    in_layout_of,
    is_channels_last,
    measure,
    reduce_gradient,
    values_dtype,
)
from medinorm.layers.statistics.by_torch import normalize_groups
from medinorm.layers.statistics.channel_norm import (
    check_values,
    restore_subclass,
    strip_subclass,
)
from medinorm.layers.statistics.moments import (
    Moments,
    differentiate,
    moments,
    recordable_moments,
    statistics_dtype,
)
from medinorm.layers.statistics.normalize import apply_recordable, normalize
from medinorm.layers.statistics.processes import pool_batch
from medinorm.layers.statistics.recorded import (
    can_see_values,
    is_ordinary,
    is_traced,
)

SMALL = 1 << 18  # elements: 1 MB of float32, in a cache of a core


@dataclass(frozen=True)
class Pool:
    """Which channels and samples share one mean and one variance.

    Args:
        groups: number of groups of neighbouring channels; as many as channels for
            instance and batch norm, 1 for layer norm.
        samples: whether all samples of the batch share them (batch norm).
        processes: whether those of all processes do; then each channel is a group.
    """

    groups: int
    samples: bool = False
    processes: bool = False

    def total(self, values: Tensor) -> Tensor:
        """Sum ``(N, C)`` values that share statistics; the result has the same shape.

        Examples:
            >>> Pool(groups=1).total(torch.tensor([[1.0, 2.0]]))
            tensor([[3., 3.]])
        """
        shape = values.shape
        dims = (0, 2) if self.samples else (2,)
        split = values.reshape(shape[0], self.groups, shape[1] // self.groups)
        return split.sum(dims, keepdim=True).expand_as(split).reshape(shape)

    def moments(self, measured: Moments) -> Moments:
        """Pool the moments of single channels; the result has the same shape."""
        mean = measured.mean
        count = measured.count.expand_as(mean)
        if not self.samples and self.groups == mean.shape[1]:
            return measured
        total = self.total(count)
        pooled = self.total(count / total * mean)
        between = count * (mean - pooled).square()
        return Moments(total, pooled, self.total(measured.m2 + between))

    def check(self, x: Tensor) -> None:
        """Refuse an input with one value per statistic.

        An empty batch passes if each sample has statistics of its own.

        Raises:
            ValueError: the statistics of `x` would be those of a single value.
        """
        if is_traced():
            return
        size, channels, *_ = x.shape
        if self.samples or size:
            samples = size if self.samples else 1
            check_values(prod(x.shape[2:]) * samples * channels // self.groups)


def normalize_pooled(
    x: Tensor,
    pool: Pool,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize `x` with its own statistics, pooled as `pool` says.

    Contiguous tensors take torch's group norm, which costs little more than a copy (its
    instance norm costs two to three). In ``channels_last_3d`` torch's code is wrong
    by up to the mean itself, so there the code of this package is used; small tensors
    are turned to torch's layout and back.

    Args:
        x: ``(N, C, ...)``.
        pool: what shares statistics.
        weight: gain, ``(C,)`` or ``(N, C)``.
        bias: offset, the same shape.
        eps: added to each variance.

    Returns:
        A tensor with the shape, dtype, layout and subclass of `x`.

    Raises:
        ValueError: a statistic would be that of a single value.

    Examples:
        >>> normalize_pooled(torch.tensor([[[1.0, 3.0], [4.0, 8.0]]]), Pool(groups=2))
        tensor([[[-1.0000,  1.0000],
                 [-1.0000,  1.0000]]])
    """
    if not pool.samples:
        y = normalize_ordinary(x, pool.groups, weight, bias, eps)
        if y is not None:
            return y
    pool.check(x)
    innermost = x.device.type == "cpu" and is_channels_last(x)
    if (
        pool.samples
        or (not is_traced() and not x.shape[0])
        or (innermost and not is_small(x))
    ):
        return normalize_measured(x, pool, weight, bias, eps)[0]
    if x.device.type == "cpu" and not can_see_values(x):
        return _normalize_recorded(x, pool.groups, weight, bias, eps)
    y = normalize_groups(x, pool.groups, weight, bias, eps)
    return in_layout_of(y, x) if innermost else y


def normalize_ordinary(
    x: Tensor, groups: int, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor | None:
    """As `normalize_pooled`, for the usual tensors; None for any other.

    On small tensors each question costs time, so here are few.
    """
    if not (is_ordinary(x) and x.numel() >= 2 * groups * x.size(0) > 0):
        return None
    if x.is_contiguous():
        return normalize_groups(x, groups, weight, bias, eps)
    form = FORMATS.get(x.dim())
    if form is None or x.numel() > SMALL or not x.is_contiguous(memory_format=form):
        return None
    y = normalize_groups(x.contiguous(), groups, weight, bias, eps)
    return y.contiguous(memory_format=form)


def is_small(x: Tensor) -> bool:
    """Whether `x` is turned to and from torch's layout faster than ours is computed."""
    return can_see_values(x) and x.numel() <= SMALL


def normalize_measured(
    x: Tensor, pool: Pool, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Moments]:
    """Normalize by this package's own code; also return the pooled moments.

    The moments carry no gradient.
    """
    if pool.processes or x.device.type != "cpu" or not can_see_values(x):
        own = moments(x)
        shared = pool.processes
        pooled = pool_batch(own) if shared else pool.moments(own)
        y = normalize(x, pooled.mean, pooled.std(eps), weight, bias)
        return y, Moments(*(field.detach() for field in pooled))
    shape, dtype = x.shape[:2], statistics_dtype(x)
    gain = torch.ones((), dtype=dtype) if weight is None else weight.to(dtype)
    offset = torch.zeros((), dtype=dtype) if bias is None else bias.to(dtype)
    y, *pooled = _PooledNorm.apply(  # type: ignore[no-untyped-call]
        strip_subclass(x), gain.expand(shape), offset.expand(shape), pool, eps
    )
    return restore_subclass(y, x), Moments(*pooled)


def _normalize_recordable(
    x: Tensor, weight: Tensor, bias: Tensor, pool: Pool, eps: float
) -> Tensor:
    """As `_PooledNorm`, by ordinary torch operations."""
    mean, m2 = recordable_moments(x)
    count = mean.new_tensor(x.shape[2:].numel())
    pooled = pool.moments(Moments(count, mean, m2))
    return apply_recordable(x, pooled.mean, weight / pooled.std(eps), bias)


class _PooledNorm(torch.autograd.Function):
    """Measure, pool and normalize on the CPU, with gradients."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, pool: Pool, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        mean, m2 = measure(x)
        count = mean.new_tensor(x.shape[2:].numel())
        pooled = pool.moments(Moments(count, mean, m2))
        rstd = 1 / pooled.std(eps)
        ctx.pool, ctx.eps = pool, eps
        ctx.save_for_backward(x, weight, bias, rstd, *pooled[:2])
        ctx.mark_non_differentiable(*pooled)
        return apply_affine(x, pooled.mean, weight * rstd, bias), *pooled

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, rstd, count, mean = ctx.saved_tensors
        if torch.is_grad_enabled():  # of a gradient that is part of a loss
            inputs = (x, weight, bias, ctx.pool, ctx.eps)
            return differentiate(_normalize_recordable, inputs, (gradient,))
        total, moment = reduce_gradient(gradient, x, mean)
        shared_total = ctx.pool.total(weight * total) / count
        shared_moment = ctx.pool.total(weight * moment) / count
        factors = (weight * rstd, -(rstd**3) * shared_moment, -rstd * shared_total)
        of_x = combine(gradient, x, mean, factors)
        return of_x, moment * rstd, total, None, None


def _normalize_recorded(
    x: Tensor, groups: int, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    """As `normalize_groups`, for any number of samples and voxels."""
    dtype = values_dtype(x)
    one = torch.ones(x.shape[1], dtype=dtype, device=x.device)
    y = torch.group_norm(x.contiguous(), groups, one, torch.zeros_like(one), eps)
    after = (...,) + (None,) * (x.dim() - 2)
    if weight is not None:
        y = y * weight.to(dtype)[after]
    if bias is not None:
        y = y + bias.to(dtype)[after]
    return y.to(x.dtype)
