"""Arguments that torch's norms take, beside those that say what a norm computes."""

import inspect
from collections.abc import Callable
from typing import Any, TypedDict, get_type_hints

import torch
from torch import nn

Device = torch.device | str | int | None
DType = torch.dtype | None
NotUsed = Any
"""The type of an argument that is there to keep torch's order of arguments."""


class TorchArguments(TypedDict, total=False):
    """Arguments that every norm takes.

    Args:
        device: where its tensors are; by default torch's default device.
        dtype: floating point type of its tensors; by default torch's default.
        bias: False for a gain without an offset.
        track_running_stats: not used.
    """

    device: Device
    dtype: DType
    bias: bool
    track_running_stats: bool | None


class PerScanArguments(TorchArguments, total=False):
    """Arguments of a norm without running statistics.

    Args:
        momentum: not used.
    """

    momentum: NotUsed


def place_tensors(
    module: nn.Module, options: TorchArguments | PerScanArguments
) -> None:
    """Move what a norm has made to the device and type that it was given.

    Raises:
        ValueError: the type is no floating point type.
    """
    device, dtype = options.get("device"), options.get("dtype")
    if dtype is not None and not dtype.is_floating_point:
        raise ValueError(f"dtype must be a floating point type, not {dtype}")
    if device is not None or dtype is not None:
        module.to(device=device, dtype=dtype)


def refuse_running_statistics(
    name: str, options: PerScanArguments, *, has_them: bool
) -> None:
    """Refuse arguments about running statistics that would change nothing.

    Args:
        name: of the norm.
        options: what it was given.
        has_them: whether it has running statistics, always.

    Raises:
        ValueError: such an argument was given.
    """
    tracks = options.get("track_running_stats")
    if has_them and tracks is False:
        raise ValueError(
            f"{name} always keeps running statistics: leave out track_running_stats, "
            "or use InstanceNorm3d, which has none"
        )
    if not has_them and (tracks or options.get("momentum") is not None):
        word = "track_running_stats" if tracks else "momentum"
        raise ValueError(
            f"{name} measures each scan and has no running statistics: leave out "
            f"{word}, or use BatchNorm3d"
        )


def refuse_bias(
    name: str, options: TorchArguments | PerScanArguments, source: str
) -> None:
    """Refuse to leave out an offset that is not a parameter per channel.

    Args:
        name: of the norm.
        options: what it was given.
        source: where its offsets come from.

    Raises:
        ValueError: `bias` is False.
    """
    if not options.get("bias", True):
        raise ValueError(f"{name} takes its offsets from {source}: leave out bias")


def show_torch_arguments(kind: type[nn.Module]) -> None:
    """Name the arguments behind ``**options`` in the signature of a norm.

    `torch.nn.utils.skip_init` looks for `device` there, and people do.

    Examples:
        >>> from typing import Unpack
        >>> class Norm(nn.Module):
        ...     def __init__(self, **options: Unpack[TorchArguments]) -> None: ...
        >>> show_torch_arguments(Norm)
        >>> list(inspect.signature(Norm).parameters)
        ['device', 'dtype', 'bias', 'track_running_stats']
    """
    constructor: Callable[..., None] | None = vars(kind).get("__init__")
    if constructor is None:
        return
    signature = inspect.signature(constructor)
    *first, last = signature.parameters.values()
    hidden = getattr(last.annotation, "__args__", ())
    if last.kind is not last.VAR_KEYWORD or not hidden:
        return
    defaults = {"bias": True}
    named = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=defaults.get(name)
        ).replace(annotation=hint)
        for name, hint in get_type_hints(hidden[0]).items()
    ]
    shown = signature.replace(parameters=[*first, *named])
    constructor.__signature__ = shown  # type: ignore[attr-defined]
