"""Norms in recorded networks: torch.export, torch.compile, torch.jit, torch.fx."""

from typing import Any, NoReturn

import torch
from torch import Tensor, fx, nn


def can_see_values(*tensors: Tensor) -> bool:
    """Whether values can be read, and code that torch cannot record may run.

    Not while torch compiles, exports or traces, not inside of the transforms of
    `torch.func`, and not for tensors that stand for others (`FakeTensor`).

    Examples:
        >>> can_see_values(torch.zeros(1))
        True
    """
    if torch.compiler.is_compiling() or is_traced() or is_transformed():
        return False
    return all(has_values(tensor) for tensor in tensors)


def is_ordinary(x: Tensor) -> bool:
    """Whether `x` is a tensor of no subclass, in main memory, in an eager program.

    Examples:
        >>> is_ordinary(torch.zeros(1)), is_ordinary(nn.Parameter(torch.zeros(1)))
        (True, False)
    """
    return (
        type(x) is Tensor
        and x.is_cpu
        and not (torch.compiler.is_compiling() or is_traced() or is_transformed())
    )


def is_transformed() -> bool:
    """Whether `torch.func` (grad, vmap, jvp) transforms what is computed.

    Examples:
        >>> is_transformed()
        False
    """
    return torch._C._are_functorch_transforms_active()


def has_values(x: Tensor) -> bool:
    """Whether a tensor is more than a shape and a type, as a `FakeTensor` is."""
    return not x.is_meta and type(x).__torch_dispatch__ is Tensor.__torch_dispatch__


def is_traced() -> bool:
    """Whether `torch.jit.trace` records; sizes are tensors then."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]


class RecordedNorm(nn.Module):
    """A norm that is one operation for `torch.fx`, and none for TorchScript."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Run the norm; in a symbolic trace, note a call of this module."""
        if arguments and isinstance(arguments[0], fx.Proxy):
            # As torch's own norms: their code asks for shapes, which have no values.
            tracer: Any = arguments[0].tracer
            path = tracer.path_of_module(self)
            return tracer.create_proxy("call_module", path, arguments, options)
        return super().__call__(*arguments, **options)

    def __prepare_scriptable__(self) -> NoReturn:
        """Refuse `torch.jit.script`, which asks here first."""
        raise RuntimeError(
            f"{type(self).__name__} cannot be scripted, because TorchScript cannot "
            "read how it measures: use torch.export.export, torch.onnx.export, "
            "torch.compile, or torch.jit.trace"
        )
