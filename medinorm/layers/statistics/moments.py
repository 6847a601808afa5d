"""Mean and variance of each sample's channels, in a form that can be pooled."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from medinorm.layers.statistics.blocks import (
    apply_affine,
    measure,
    measure_weighted,
    refine,
    values_dtype,
)
from medinorm.layers.statistics.channel_norm import strip_subclass
from medinorm.layers.statistics.recorded import can_see_values


class Moments(NamedTuple):
    """Count, mean and sum of squared distances from the mean.

    Sums of squares about the mean, not about zero: nothing cancels when the mean is
    large against the standard deviation, and moments of tiles, ranks or samples can be
    pooled.

    Args:
        count: number (or total weight) of voxels, broadcasts against `mean`.
        mean: mean of the voxels, 0 where `count` is 0.
        m2: sum of squared distances from the mean.

    References:
        Chan, Golub and LeVeque, "Algorithms for computing the sample variance",
        The American Statistician 37, 1983.
    """

    count: Tensor  # type: ignore[assignment]  # hides tuple.count
    mean: Tensor
    m2: Tensor

    @property
    def variance(self) -> Tensor:
        """Biased variance, 0 where nothing was counted."""
        return self.m2 / torch.where(self.count > 0, self.count, 1)

    def std(self, eps: float, *, unbiased: bool = False) -> Tensor:
        """Square root of the variance plus `eps`.

        Args:
            eps: added to the variance, in its unit.
            unbiased: divide by the count less one, as the reference code of the
                adaptive instance norm family does.
        """
        if not unbiased:
            return (self.variance + eps).sqrt()
        return (self.m2 / (self.count - 1).clamp(min=1) + eps).sqrt()

    def pool(self, dim: int | tuple[int, ...]) -> "Moments":
        """Moments of the union along `dim`, which is kept with length 1.

        Raises:
            ValueError: there is nothing to pool, e.g. in an empty batch.

        Examples:
            >>> one = moments(torch.tensor([[[1.0, 2.0]], [[3.0, 6.0]]]))
            >>> one.pool(0).mean, one.pool(0).m2
            (tensor([[3.]], dtype=torch.float64), tensor([[14.]], dtype=torch.float64))
        """
        if not self.mean.numel():
            raise ValueError("there are no moments to pool: the batch is empty")
        count = self.count.expand_as(self.mean)
        total = count.sum(dim, keepdim=True)
        share = count / torch.where(total > 0, total, 1)
        mean = (share * self.mean).sum(dim, keepdim=True)
        between = count * (self.mean - mean).square()
        return Moments(total, mean, (self.m2 + between).sum(dim, keepdim=True))

    def times(self, weight: Tensor | float) -> "Moments":
        """Moments of voxels that count `weight` times each."""
        return Moments(self.count * weight, self.mean, self.m2 * weight)

    @staticmethod
    def merge(*parts: "Moments") -> "Moments":
        """Moments of the union of several parts of the same shape."""
        stacked = [
            torch.stack([p.expand_as(parts[0].mean) for p in field])
            for field in zip(*parts, strict=True)
        ]
        return Moments(*(field[0] for field in Moments(*stacked).pool(0)))


def moments(x: Tensor, mask: Tensor | None = None) -> Moments:
    r"""Measure each channel of each sample.

    .. math:: \mu = \frac{1}{V}\sum_v x_v, \qquad M_2 = \sum_v (x_v - \mu)^2

    Two passes over centred values, never :math:`E[x^2] - E[x]^2`.

    Args:
        x: ``(N, C, ...)``, at least one spatial axis, any layout.
        mask: weight of each voxel, 0 to 1, ``(N or 1, C or 1, ...)``; fractions count
            as parts of a voxel.

    Returns:
        `mean` and `m2` of shape ``(N, C)`` and a count that broadcasts to it, in
        float64 (float32 on devices without): they are small, and a mean of 1000 in
        float32 is off by up to 3e-5.

    Examples:
        >>> count, mean, m2 = moments(torch.tensor([[[1.0, 2.0, 3.0]]]))
        >>> count.item(), mean.item(), m2.item()
        (3.0, 2.0, 2.0)
    """
    x = strip_subclass(x)
    if mask is not None:
        return _masked_moments(x, strip_subclass(mask))
    dtype = statistics_dtype(x)
    # Not `Size.numel`: of sizes that are not known yet it would make numbers.
    count = torch.ones((1, 1), dtype=dtype, device=x.device) * prod(x.shape[2:])
    if x.device.type == "cpu" and can_see_values(x):
        mean, m2 = _BlockedMoments.apply(x)  # type: ignore[no-untyped-call]
        return Moments(count, mean, m2)
    return _weighted_moments(x, None, count)


def statistics_dtype(x: Tensor) -> torch.dtype:
    """Dtype of the statistics of `x`: float64 where the device has it."""
    return torch.float32 if x.device.type == "mps" else torch.float64


def _masked_moments(x: Tensor, mask: Tensor) -> Moments:
    """Moments of the voxels with weight, each counted as often as its weight says."""
    weight = mask.to(values_dtype(x))
    count = weight.flatten(2).sum(2, dtype=statistics_dtype(x)).expand(x.shape[:2])
    if x.device.type == "cpu" and can_see_values(x, mask) and not mask.requires_grad:
        some = torch.where(count > 0, count, 1)
        mean, m2 = _BlockedWeightedMoments.apply(x, weight, some)  # type: ignore[no-untyped-call]
        if m2.isfinite().all():
            return Moments(count, mean, m2)
    # A voxel without weight must not count even if it is NaN (padding may be).
    inside = torch.where(weight > 0, x, 0)
    return _weighted_moments(inside, weight.flatten(2), count)


def recordable_moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and sum of squares by ordinary torch operations."""
    count = torch.full((1, 1), float(prod(x.shape[2:])), dtype=statistics_dtype(x))
    _, mean, m2 = _weighted_moments(x, None, count)
    return mean, m2


def _weighted_moments(x: Tensor, weight: Tensor | None, count: Tensor) -> Moments:
    """Moments by ordinary torch operations, for masks, other devices and compilers."""
    values = x.flatten(2).to(values_dtype(x))
    some = torch.where(count > 0, count, 1)
    total = (values if weight is None else values * weight).sum(2)
    centre = (total / some).to(values.dtype)
    centred = values - centre.unsqueeze(2)
    weighted = centred if weight is None else centred * weight
    rest, squares = weighted.sum(2).to(count.dtype), (weighted * centred).sum(2)
    mean, m2 = refine(centre.to(count.dtype), rest, squares.to(count.dtype), some)
    return Moments(count, mean, m2)


def differentiate(
    function: Callable[..., Any], inputs: Sequence[Any], gradients: Sequence[Tensor]
) -> tuple[Tensor | None, ...]:
    """Gradients of a function of torch operations that can be differentiated again.

    For the backward passes of this package's own code, which is not recorded: where a
    gradient is part of a loss (``create_graph=True``), they are computed by this.

    Args:
        function: of `inputs`; its outputs are those whose gradients are given.
        inputs: tensors and whatever else it takes.
        gradients: of its outputs.

    Returns:
        One for each input; None where there is none.
    """
    wanted = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    outputs = function(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    pairs = [pair for pair in zip(outputs, gradients, strict=True) if pair[0].grad_fn]
    computed = iter(
        torch.autograd.grad(
            [output for output, _ in pairs],
            wanted,
            [gradient for _, gradient in pairs],
            create_graph=True,
            allow_unused=True,
        )
    )
    chosen = {id(x) for x in wanted}
    return tuple(next(computed) if id(x) in chosen else None for x in inputs)


class _BlockedMoments(torch.autograd.Function):
    """Mean and sum of squares on the CPU, with their gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, m2 = measure(x)
        ctx.save_for_backward(x, mean)
        return mean, m2

    @staticmethod
    def backward(ctx: Any, of_mean: Tensor, of_m2: Tensor) -> Tensor | None:
        x, mean = ctx.saved_tensors
        if torch.is_grad_enabled():  # of a gradient that is part of a loss
            (of_x,) = differentiate(recordable_moments, [x], (of_mean, of_m2))
            return of_x
        return apply_affine(x, mean, 2 * of_m2, of_mean / x.shape[2:].numel())


class _BlockedWeightedMoments(torch.autograd.Function):
    """As `_BlockedMoments`, of voxels with weights, which get no gradient."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, count: Tensor
    ) -> tuple[Tensor, Tensor]:
        mean, m2 = measure_weighted(x, weight, count)
        ctx.save_for_backward(x, weight, count, mean)
        return mean, m2

    @staticmethod
    def backward(
        ctx: Any, of_mean: Tensor, of_m2: Tensor
    ) -> tuple[Tensor | None, None, None]:
        x, weight, count, mean = ctx.saved_tensors
        if torch.is_grad_enabled():
            shares = weight.flatten(2)
            (of_x,) = differentiate(
                lambda x: _weighted_moments(x, shares, count)[1:], [x], (of_mean, of_m2)
            )
            return of_x, None, None
        of_x = apply_affine(x, mean, 2 * of_m2, of_mean / count)
        return of_x.mul_(weight), None, None
