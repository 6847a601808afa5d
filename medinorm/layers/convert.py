"""Replace the norms of an existing network."""

import logging
import warnings
from collections import Counter
from collections.abc import Callable
from inspect import signature
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.utils import parametrize

from medinorm.layers.norms.batch import BatchNorm3d
from medinorm.layers.registry import NORMS, monai_name
from medinorm.layers.statistics.channel_norm import ChannelNorm, find_parameters

_log = logging.getLogger(__name__)

# Torch's batch norm has these itself; norms of this package have them in `running`.
_RUNNING = ("running_mean", "running_var", "num_batches_tracked")
# What torch's classes say about the input; a batch norm in 1D also takes (N, C).
_SPATIAL_DIMS = {
    nn.InstanceNorm1d: 1,
    nn.InstanceNorm2d: 2,
    nn.BatchNorm2d: 2,
    nn.InstanceNorm3d: 3,
    nn.BatchNorm3d: 3,
}
_OF_TORCH = (
    *_SPATIAL_DIMS,
    nn.BatchNorm1d,
    nn.SyncBatchNorm,
    nn.GroupNorm,
)
# Where a module keeps its hooks, see `torch.nn.Module`.
_HOOKS = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_is_full_backward_hook",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


def convert_norm(
    network: nn.Module,
    name: str,
    *,
    tell: Callable[[str], object] = _log.info,
    **options: Any,
) -> nn.Module:
    """Replace every norm of a network, in place, and keep what it learned.

    What both norms have goes over. Gains and offsets are the same `Parameter` objects
    as before: an optimizer that has them goes on, and tied ones stay tied. So do their
    parametrizations, the hooks of the norm, running statistics, and settings such as
    `eps`, `num_groups` or a missing offset. Where gain and offset follow a domain, a
    style or a map, all of these start from the old ones. Other parameters that only the
    new norm has start afresh; give them to the optimizer. A norm that already has the
    wanted type is kept, unless options are given.

    Torch's batch, instance and group norms and those of this package are replaced. Kept
    are a `torch.nn.LayerNorm`, because it does not normalize the channels of a volume,
    and, with a warning, subclasses that compute something else (they have a `forward`
    of their own).

    Running statistics of a `torch.nn.InstanceNorm3d` are used by a batch norm only; any
    other norm drops them, with a warning.

    Args:
        network: e.g. a MONAI network with trained weights.
        name: name of the new norm, a key of `NORMS`.
        tell: gets a line that says what was converted, e.g. `print`; by default it goes
            to the log of this module.
        options: arguments of the new norm beyond `num_features`.

    Returns:
        The network; a new module if it was itself a norm.

    Raises:
        ValueError: there is no such norm, the network has none to replace, or a lazy
            norm does not know its channels yet.

    Examples:
        >>> network = nn.Sequential(nn.Conv3d(1, 4, 3), nn.InstanceNorm3d(4))
        >>> convert_norm(network, "thumbnail_instance", tell=print)[1]
        1 norm is now thumbnail_instance (1 InstanceNorm3d), 0 were so before
        ThumbnailInstanceNorm3d(4, eps=1e-05, affine=False)
    """
    monai_name(name)  # refuses an unknown one
    norms, others = _find_norms(network)
    replaced = {
        module: module
        if _computes_as(module, (NORMS[name],)) and not options
        else _replacement(module, name, options, network)
        for module in norms
    }
    _warn_of_others(others)
    if not replaced:
        raise ValueError("the network has no norm that could be replaced")
    if any(_drops_statistics(old, new) for old, new in replaced.items()):
        warnings.warn(
            "running statistics of instance norms are dropped: the new norms measure "
            "each scan, in evaluation too, so the network computes other values",
            stacklevel=2,
        )
    tell(_summary(replaced, name))
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


def _find_norms(network: nn.Module) -> tuple[list[nn.Module], list[nn.Module]]:
    """The norms of a network that can be replaced, and those that cannot.

    Raises:
        ValueError: a lazy norm does not know its channels yet.
    """
    every = [module for module in network.modules() if is_norm(module)]
    for module in every:
        if isinstance(module, LazyModuleMixin):  # it changes its class when it knows
            raise ValueError(
                f"a {type(module).__name__} does not know its channels yet: run the "
                "network once on a scan, then convert it"
            )
    known = (*_OF_TORCH, *NORMS.values())
    norms = [module for module in every if _computes_as(module, known)]
    return norms, [module for module in every if module not in norms]


def _computes_as(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> bool:
    """Whether a module is one of `kinds`, with nothing of its own in its `forward`."""
    return "forward" not in vars(module) and any(
        isinstance(module, kind) and type(module).forward is kind.forward
        for kind in kinds
    )


def _warn_of_others(others: list[nn.Module]) -> None:
    """Say which norms are kept because they compute something of their own."""
    if others:
        names = ", ".join(sorted({type(module).__name__ for module in others}))
        warnings.warn(
            f"kept {len(others)} norms with a forward of their own ({names}): replace "
            "them by hand if they should change",
            stacklevel=3,
        )


def _summary(replaced: dict[nn.Module, nn.Module], name: str) -> str:
    """What was converted, in one line."""
    old = [old for old, new in replaced.items() if new is not old]
    kinds = Counter(type(module).__name__ for module in old)
    counted = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    before = {id(p) for module in old for p in module.parameters()}
    added = sum(
        id(p) not in before for module in old for p in replaced[module].parameters()
    )
    verb = "norm is" if len(old) == 1 else "norms are"
    return (
        f"{len(old)} {verb} now {name} ({counted or 'none'}), "
        f"{len(replaced) - len(old)} were so before"
        + (f"; {added} new parameters for the optimizer" if added else "")
    )


def _replacement(
    old: Any, name: str, options: dict[str, Any], network: nn.Module
) -> nn.Module:
    """A norm by its name, with what the old one learned."""
    kind = NORMS[name]
    features = old.num_channels if isinstance(old, nn.GroupNorm) else old.num_features
    new = kind(features, **(_settings(old, kind) | options))
    _put_where(new, old, network)
    _carry_over(old, new)
    for hooks in _HOOKS:
        # The same dictionaries, so that handles of hooks still remove them.
        setattr(new, hooks, getattr(old, hooks))
    return new.train(old.training)


def _settings(old: nn.Module, kind: type[nn.Module]) -> dict[str, Any]:
    """Arguments of the new norm that the old one has too."""
    _, *arguments = signature(kind).parameters
    remembers = kind is BatchNorm3d or getattr(kind, "has_running_statistics", False)
    skipped = {"device", "dtype", "bias"}
    if not remembers:
        skipped |= {"momentum"}
    if kind is not BatchNorm3d or isinstance(old, _InstanceNorm):
        # An instance norm without running statistics measures each scan. The batch norm
        # in its place should still have them.
        skipped |= {"track_running_stats"}
    places = (getattr(old, "running", old), old)
    settings = {
        word: getattr(place, word)
        for place in places
        for word in arguments
        if word not in skipped and hasattr(place, word)
    }
    has_weight = getattr(old, "weight", None) is not None
    if "affine" in arguments and has_weight and old.bias is None:
        settings["bias"] = False
    if "spatial_dims" in arguments:
        settings |= _spatial_dims(old)
    return settings


def _spatial_dims(old: nn.Module) -> dict[str, int]:
    """How many spatial axes one of torch's norms takes, if it takes one number."""
    dims = [number for kind, number in _SPATIAL_DIMS.items() if isinstance(old, kind)]
    return {"spatial_dims": dims[0]} if dims else {}


def _put_where(new: nn.Module, *others: nn.Module) -> None:
    """Give a norm the device and dtype of the first module that has any."""
    for module in others:
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                new.to(device=tensor.device, dtype=tensor.dtype)
                return


@torch.no_grad()
def _carry_over(old: nn.Module, new: nn.Module) -> None:
    """Give the new norm the parameters of the old one, and values of its buffers."""
    parameters = dict(old.named_parameters(remove_duplicate=False))
    for key, fresh in list(new.named_parameters(remove_duplicate=False)):
        parent, _, child = key.rpartition(".")
        known = parameters.get(key)
        if known is not None and known.shape == fresh.shape:
            setattr(new.get_submodule(parent), child, known)
        elif not parent and parametrize.is_parametrized(old, child):
            parametrize.transfer_parametrizations_and_params(old, new, child)
    gain, offset = find_parameters(old)
    if isinstance(new, ChannelNorm) and gain is not None:
        new.start_from(gain, torch.zeros_like(gain) if offset is None else offset)
    buffers = {_shared_key(key): value for key, value in old.named_buffers()}
    for key, value in new.named_buffers():
        kept = buffers.get(_shared_key(key))
        # Statistics of each domain start from those of all.
        if kept is not None and kept.shape in {value.shape, value.shape[1:]}:
            value.copy_(kept.expand_as(value))


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
