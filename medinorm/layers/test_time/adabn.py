"""Batch statistics of a new scanner, from its unlabelled scans (AdaBN)."""

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

Call = Callable[[nn.Module, Tensor], Any]


def adapt_batch_statistics(
    network: nn.Module,
    batches: Iterable[Tensor],
    call: Call = lambda network, batch: network(batch),
) -> nn.Module:
    """Estimate the running statistics of a network anew.

    Batches are pooled by total variance: the variance between their means counts. (The
    running average of torch leaves it out.) Nothing else of the network changes.

    Args:
        network: with batch norm, or another norm that has a batch part.
        batches: unlabelled input, of equal size where possible; each counts the same.
        call: how to run the network, where it needs more than the batch.

    Returns:
        An adapted copy in evaluation mode.

    Raises:
        ValueError: the network has no running statistics, or there are no batches.

    Examples:
        >>> from medinorm.layers import BatchNorm3d
        >>> scans = [torch.full((1, 1, 2), 4.0), torch.full((1, 1, 2), 6.0)]
        >>> adapted = adapt_batch_statistics(nn.Sequential(BatchNorm3d(1)), scans)
        >>> adapted[0].running_mean.item(), adapted[0].running_var.item()
        (5.0, 1.0)

    References:
        Li, Wang, Shi, Liu and Hou, "Revisiting Batch Normalization For Practical Domain
        Adaptation", 2016, arXiv:1603.04779.
    """
    adapted = copy.deepcopy(network).eval()
    layers = running_layers(adapted)
    if not layers:
        raise ValueError("the network keeps no batch statistics that could be adapted")
    momenta = [layer.momentum for layer in layers]
    measured: list[list[tuple[Tensor, Tensor]]] = [[] for _ in layers]
    for layer in layers:
        layer.momentum = 1.0  # the buffers then hold the last batch, alone
        layer.train()
    with torch.no_grad():
        for batch in batches:
            call(adapted, batch)
            for layer, own in zip(layers, measured, strict=True):
                own.append((layer.running_mean.clone(), layer.running_var.clone()))
    for layer, momentum, own in zip(layers, momenta, measured, strict=True):
        if not own:
            raise ValueError("there are no scans to adapt to")
        layer.momentum = momentum
        _pool(layer, own)
    return adapted.eval()


def running_layers(network: nn.Module) -> list[Any]:
    """The modules of a network that keep running statistics of one population."""
    return [module for module in network.modules() if _has_running_mean(module)]


def _has_running_mean(module: Any) -> bool:
    """Whether a module keeps one mean and variance for each channel."""
    mean = getattr(module, "running_mean", None)
    can_forget = hasattr(module, "reset_running_stats")
    return can_forget and isinstance(mean, Tensor) and mean.dim() == 1


@torch.no_grad()
def _pool(layer: Any, measured: list[tuple[Tensor, Tensor]]) -> None:
    """Write the pooled statistics of several batches into a layer."""
    means, variances = (
        torch.stack(column).double() for column in zip(*measured, strict=True)
    )
    layer.running_mean.copy_(means.mean(0))
    layer.running_var.copy_(variances.mean(0) + means.var(0, correction=0))
