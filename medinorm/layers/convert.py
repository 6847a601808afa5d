"""Replace the norms of an existing network."""

from inspect import signature
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from medinorm.layers.registry import NORMS, monai_name

# Where a norm of ours keeps what torch's batch norm keeps at its top.
_RUNNING = ("running_mean", "running_var", "num_batches_tracked")


def convert_norm(network: nn.Module, name: str, **options: Any) -> nn.Module:
    """Replace every norm of a network, in place, and keep what it learned.

    Gains, offsets, running statistics and `eps` go over where the new norm has them.
    Replaced are torch's batch, instance and group norms and those of this package; a
    `torch.nn.LayerNorm` stays, because its axes are not those of a volume's channels.

    Args:
        network: e.g. a MONAI network with trained weights.
        name: plain name of the new norm, a key of `NORMS`.
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
            replaced[module] = _replacement(module, name, options)
    if not replaced:
        raise ValueError("the network has no norm that could be replaced")
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


def _replacement(old: Any, name: str, options: dict[str, Any]) -> nn.Module:
    """A norm by its name, with what the old one learned."""
    features = old.num_channels if isinstance(old, nn.GroupNorm) else old.num_features
    given = dict(options)
    if name != "none":
        given.setdefault("eps", getattr(old, "eps", 1e-5))
        # A norm without gain and offset is replaced by one without, if there is one.
        if "affine" in signature(NORMS[name]).parameters:
            given.setdefault("affine", getattr(old, "affine", True))
    new = NORMS[name](features, **given)
    _carry_over(old, new)
    example = next(iter(old.state_dict().values()), None)
    floating = example is not None and example.is_floating_point()
    if example is not None:
        new.to(device=example.device, dtype=example.dtype if floating else None)
    return new.train(old.training)


@torch.no_grad()
def _carry_over(old: nn.Module, new: nn.Module) -> None:
    """Copy the tensors that both norms have, at the same shape."""
    source = {_plain(key): value for key, value in old.state_dict().items()}
    for key, value in new.state_dict().items():
        known = source.get(_plain(key))
        if known is not None and known.shape == value.shape:
            value.copy_(known)


def _plain(key: str) -> str:
    """A key of a state dict by which norms recognize each other's running statistics.

    Examples:
        >>> _plain("running.running_mean"), _plain("to_gate.weight")
        ('running_mean', 'to_gate.weight')
    """
    last = key.rpartition(".")[2]
    return last if last in _RUNNING else key
