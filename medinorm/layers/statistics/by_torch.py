"""Norms by torch's own code, which is the fastest for contiguous tensors.

It folds the mean into the offset: the error is the ratio of mean and standard deviation
times that of one rounding. Where that is much, the mean is subtracted first. On small
tensors each call counts, so little is asked before torch is called.
"""

import torch
from torch import Tensor

from medinorm.layers.statistics.blocks import values_dtype
from medinorm.layers.statistics.recorded import can_see_values, is_ordinary

LARGEST_RATIO = 64.0
"""Beyond this ratio of mean and standard deviation the mean is subtracted first."""


def normalize_groups(
    x: Tensor, groups: int, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    """Normalize with torch's group norm, samples laid out as more channels.

    Args:
        x: ``(N, C, ...)``, more than one value per group.
        groups: number of groups of neighbouring channels.
        weight: gain, ``(C,)`` or ``(N, C)``.
        bias: offset, the same shape.
        eps: added to each variance.
    """
    shape = x.shape
    per_sample = weight is not None and weight.dim() == 2
    if weight is not None and per_sample:
        size, channels = shape[:2]
        x, groups = x.reshape(1, size * channels, -1), size * groups
        weight = weight.expand(size, channels).flatten()
        bias = None if bias is None else bias.expand(size, channels).flatten()
    elif weight is None and x.dtype != values_dtype(x):
        # Without float32 weights torch keeps the statistics in half precision too.
        weight = torch.ones(shape[1], dtype=values_dtype(x), device=x.device)
        bias = torch.zeros_like(weight)
    ordinary = is_ordinary(x)
    if not (ordinary or x.device.type == "cpu"):
        weight = None if weight is None else weight.to(x.dtype)
        bias = None if bias is None else bias.to(x.dtype)
    y, mean, rstd = _group_norm(x, groups, weight, bias, eps)
    if (ordinary or _has_readable_values(mean)) and is_far_off(mean, rstd):
        # A shift of a whole group changes nothing, so the gradient is exact as well.
        shift = mean.detach().unsqueeze(2)
        centred = (x.reshape(*shift.shape[:2], -1) - shift).to(x.dtype)
        y, _, _ = _group_norm(centred.view_as(x), groups, weight, bias, eps)
    # A view would make an activation in place copy its gradient.
    return y.view(shape) if per_sample else y


def _group_norm(
    x: Tensor, groups: int, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Group norm by torch and the statistics it used."""
    size, channels, *lengths = x.shape
    voxels = torch.Size(lengths).numel()
    # torch reads its arguments as contiguous memory, whatever their strides.
    x = x.contiguous()
    weight = None if weight is None else weight.contiguous()
    bias = None if bias is None else bias.contiguous()
    return torch.native_group_norm(x, weight, bias, size, channels, voxels, groups, eps)


def _has_readable_values(mean: Tensor) -> bool:
    """Whether values can be read without stopping a device or a trace."""
    return mean.device.type == "cpu" and can_see_values(mean)


def is_far_off(mean: Tensor, rstd: Tensor, largest: float = LARGEST_RATIO) -> bool:
    """Whether some mean is so large that folding it into the offset costs digits.

    Args:
        mean: any shape.
        rstd: one over the standard deviations, the same shape.
        largest: ratio that costs few digits.

    Examples:
        >>> is_far_off(torch.tensor([1.0, torch.nan, 65.0]), torch.ones(3))
        True
    """
    if mean.requires_grad:
        mean, rstd = mean.detach(), rstd.detach()
    if mean.numel() == 1:
        return abs(mean.item() * rstd.item()) > largest
    ratios = (mean * rstd).view(-1)
    # If the sum of squares is small, so is each; this takes one operation.
    if ratios.dot(ratios).item() <= largest**2:
        return False
    return bool((ratios.abs() > largest).any())


def are_far_off(mean: Tensor, variance: Tensor, eps: float) -> bool:
    """As `is_far_off`, of running statistics, with as few operations as possible.

    Args:
        mean: ``(C,)``.
        variance: ``(C,)``.
        eps: added to each variance.

    Examples:
        >>> are_far_off(torch.tensor([1.0, 65.0]), torch.ones(2), 1e-5)
        True
    """
    room = torch.addcmul(variance, mean, mean, value=-(LARGEST_RATIO**-2))
    return not room.min().item() >= -eps
