"""Replace the norms of an existing network."""

import warnings
from inspect import signature
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from medinorm.layers.registry import NORMS, monai_name

# Torch's batch norm has these itself; norms of this package have them in `running`.
_RUNNING = ("running_mean", "running_var", "num_batches_tracked")


def convert_norm(network: nn.Module, name: str, **options: Any) -> nn.Module:
    """Replace every norm of a network, in place, and keep what it learned.

    What both norms have is copied: gains, offsets, running statistics, settings such as
    `eps` or `num_groups`, and whether a parameter is frozen. A norm that already has
    the wanted type is kept, unless options are given. Torch's batch, instance and group
    norms and those of this package are replaced; a `torch.nn.LayerNorm` is kept,
    because it does not normalize the channels of a volume.

    Running statistics of a `torch.nn.InstanceNorm3d` are used by a batch norm only; any
    other norm drops them, with a warning.

    Args:
        network: e.g. a MONAI network with trained weights.
        name: name of the new norm, a key of `NORMS`.
        options: its arguments beyond `num_features`.

    Returns:
        The network; a new module if it was itself a norm.

    Raises:
        ValueError: there is no such norm, or the network has none to replace.

    Examples:
        >>> network = nn.Sequential(nn.Conv3d(1, 4, 3), nn.InstanceNorm3d(4))
        >>> convert_norm(network, "thumbnail_instance")[1]
        ThumbnailInstanceNorm3d(4, eps=1e-05, affine=False)
    """
    monai_name(name)  # refuses an unknown one
    replaced: dict[nn.Module, nn.Module] = {}
    for module in network.modules():
        if is_norm(module):
            stays = type(module) is NORMS[name] and not options
            replaced[module] = (
                module if stays else _replacement(module, name, options, network)
            )
    if not replaced:
        raise ValueError("the network has no norm that could be replaced")
    if any(_drops_statistics(old, new) for old, new in replaced.items()):
        warnings.warn(
            "running statistics of instance norms are dropped: the new norms measure "
            "each scan, in evaluation too, so the network computes other values",
            stacklevel=2,
        )
    if network in replaced:
        return replaced[network]
    for path, module in list(network.named_modules(remove_duplicate=False)):
        if module in replaced:
            parent, _, child = path.rpartition(".")
            setattr(network.get_submodule(parent), child, replaced[module])
    return network


def is_norm(module: nn.Module) -> bool:
    """Whether a module is a norm over channels."""
    kinds = (_BatchNorm, _InstanceNorm, nn.GroupNorm, *NORMS.values())
    return isinstance(module, kinds)


def _replacement(
    old: Any, name: str, options: dict[str, Any], network: nn.Module
) -> nn.Module:
    """A norm by its name, with what the old one learned."""
    kind = NORMS[name]
    features = old.num_channels if isinstance(old, nn.GroupNorm) else old.num_features
    new = kind(features, **(_settings(old, kind) | options))
    _put_where(new, old, network)
    _carry_over(old, new)
    return new.train(old.training)


def _settings(old: nn.Module, kind: type[nn.Module]) -> dict[str, Any]:
    """Arguments of the new norm that the old one has too."""
    _, *arguments = signature(kind).parameters
    if isinstance(old, _InstanceNorm):
        # An instance norm without running statistics measures each scan. The batch norm
        # in its place should still have them.
        arguments = [word for word in arguments if word != "track_running_stats"]
    places = (getattr(old, "running", old), old)
    return {
        word: getattr(place, word)
        for place in places
        for word in arguments
        if hasattr(place, word)
    }


def _put_where(new: nn.Module, *others: nn.Module) -> None:
    """Give a norm the device and dtype of the first module that has any."""
    for module in others:
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                new.to(device=tensor.device, dtype=tensor.dtype)
                return


@torch.no_grad()
def _carry_over(old: nn.Module, new: nn.Module) -> None:
    """Copy tensors that both norms have in the same shape; frozen ones stay so."""
    source = {
        _shared_key(key): value for key, value in old.state_dict(keep_vars=True).items()
    }
    for key, value in new.state_dict(keep_vars=True).items():
        known = source.get(_shared_key(key))
        if known is not None and known.shape == value.shape:
            value.copy_(known)
            value.requires_grad_(known.requires_grad)


def _drops_statistics(old: nn.Module, new: nn.Module) -> bool:
    """Whether an instance norm had running statistics that the new norm lacks."""
    kept = {_shared_key(key) for key in new.state_dict()}
    has = isinstance(old, _InstanceNorm) and old.running_mean is not None
    return has and "running_mean" not in kept


def _shared_key(key: str) -> str:
    """A key of a state dict by which norms recognize each other's running statistics.

    Examples:
        >>> _shared_key("running.running_mean"), _shared_key("to_gate.weight")
        ('running_mean', 'to_gate.weight')
    """
    last = key.rpartition(".")[2]
    return last if last in _RUNNING else key
