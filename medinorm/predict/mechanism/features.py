"""Statistics of the features that pass through a network, measured as they pass."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from medinorm.layers.registry import NORMS

Array = NDArray[np.float64]

# Norms of torch that a network may have besides those that are compared.
_OTHERS: tuple[type[nn.Module], ...] = (
    nn.modules.batchnorm._NormBase,
    nn.GroupNorm,
    nn.LayerNorm,
)


@dataclass(frozen=True)
class ChannelStatistics:
    """Mean and standard deviation of each channel over voxels, ``(C,)`` each."""

    means: Array
    deviations: Array


@dataclass
class PassedFeatures:
    """What passed through a network in one call.

    Args:
        before: statistics of the input of each norm, by its name, in order.
        after: of its output.
        bottleneck: of the last features on the coarsest grid.
        voxels: of this grid.
    """

    before: dict[str, ChannelStatistics] = field(default_factory=dict)
    after: dict[str, ChannelStatistics] = field(default_factory=dict)
    bottleneck: ChannelStatistics | None = None
    voxels: float = np.inf


def find_norms(network: nn.Module) -> dict[str, nn.Module]:
    """The normalization layers of a network by name; not those inside of another.

    Args:
        network: any.
    """
    kinds = (*NORMS.values(), *_OTHERS)
    norms: dict[str, nn.Module] = {}
    for name, module in network.named_modules():
        outer = any(name.startswith(f"{other}.") for other in norms)
        if isinstance(module, kinds) and not outer:
            norms[name] = module
    return norms


@contextmanager
def measuring(network: nn.Module) -> Iterator[PassedFeatures]:
    """Measure what passes in one call of a network, of a batch of one.

    Args:
        network: in evaluation mode.

    Examples:
        >>> import torch
        >>> from medinorm.layers import InstanceNorm3d
        >>> network = nn.Sequential(InstanceNorm3d(1), nn.ReLU())
        >>> with measuring(network) as passed:
        ...     _ = network(5 + torch.randn(1, 1, 8, 8, 8))
        >>> passed.before["0"].means.round(), abs(passed.after["0"].means).round(3)
        (array([5.]), array([0.]))
    """
    passed, norms = PassedFeatures(), find_norms(network)
    handles = [
        norm.register_forward_hook(_norm_hook(passed, name))
        for name, norm in norms.items()
    ]
    inside = {id(inner) for norm in norms.values() for inner in norm.modules()}
    handles += [
        module.register_forward_hook(_grid_hook(passed))
        for module in network.modules()
        if not [*module.children()] and id(module) not in inside
    ]
    # Norms themselves may be the last on a grid.
    handles += [
        norm.register_forward_hook(_grid_hook(passed)) for norm in norms.values()
    ]
    try:
        yield passed
    finally:
        for handle in handles:
            handle.remove()


def _norm_hook(passed: PassedFeatures, name: str) -> Any:
    """Notes what goes into a norm and what comes out."""

    def note(_module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
        if arguments and isinstance(output, Tensor) and output.dim() > 2:
            passed.before[name] = measure_channels(arguments[0])
            passed.after[name] = measure_channels(output)

    return note


def _grid_hook(passed: PassedFeatures) -> Any:
    """Notes features on a grid that is at least as coarse as any before."""

    def note(_module: nn.Module, _arguments: tuple[Any, ...], output: Any) -> None:
        if not isinstance(output, Tensor) or output.dim() != 5:
            return
        voxels = output[0, 0].numel()
        if 1 < voxels <= passed.voxels:
            passed.voxels, passed.bottleneck = voxels, measure_channels(output)

    return note


def measure_channels(features: Tensor) -> ChannelStatistics:
    """Mean and standard deviation of each channel, ``(1, C, ...)`` to ``(C,)``."""
    own = features[:1].detach().float().flatten(2)
    # Centred first: a large mean would drown a small variance.
    centre = own.mean(dim=2, keepdim=True)
    variance = (own - centre).square().mean(dim=2)
    means, deviations = (
        x.double().reshape(-1).cpu().numpy() for x in (centre, variance.sqrt())
    )
    return ChannelStatistics(means, deviations)


def stack(
    scans: Sequence[Mapping[str, ChannelStatistics]], name: str
) -> tuple[Array, Array]:
    """Means and standard deviations of one layer over scans, ``(n, C)`` each."""
    own = [scan[name] for scan in scans]
    return (
        np.stack([one.means for one in own]),
        np.stack([one.deviations for one in own]),
    )
