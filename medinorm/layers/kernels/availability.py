"""Whether the Triton kernels can take a tensor."""

import logging
import os
from functools import cache
from importlib.util import find_spec
from math import prod
from subprocess import SubprocessError

import torch
import torch.nn.functional as F
from torch import Tensor

from medinorm.layers.kernels.fused import fused_instance_norm
from medinorm.layers.statistics.recorded import can_see_values

_log = logging.getLogger(__name__)

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
# Triton supports NVIDIA GPUs from Ampere on.
OLDEST = (8, 0)
# Limits of the second and third axis of a grid, and of 32-bit voxel numbers.
LONGEST_AXIS = 65535
MOST_VOXELS = 2**31 - 1


_SWITCH = {"on": False}


def enable(*, on: bool = True) -> None:
    """Let `InstanceNorm3d` use these kernels where they are `available`.

    They are off until this is called: their numbers are tested in Triton's interpreter,
    and they have not been timed on a card.

    Examples:
        >>> enable()
        >>> is_enabled()
        True
        >>> enable(on=False)
    """
    _SWITCH["on"] = on


def is_enabled() -> bool:
    """Whether `enable` was called."""
    return _SWITCH["on"]


def available(x: Tensor) -> bool:
    """Whether the kernels of this package can compute the norms of `x`.

    It takes a CUDA device (Ampere or newer) on which Triton works, a float32, float16
    or bfloat16 tensor ``(N, C, ...)`` with 1 to 3 spatial axes, and eager execution:
    a compiler or an exporter traces torch's operations and fuses them itself. Where
    ``TRITON_INTERPRET=1`` is set, tensors on the CPU are taken too, for tests.

    Whether Triton works is tried once for each device: it needs a C compiler, and its
    results must agree with torch's.

    Examples:
        >>> available(torch.zeros(1, 2, 8, 8, 8, dtype=torch.float64))
        False
    """
    return can_see_values(x) and _has_form(x) and _device_works(x.device)


def _has_form(x: Tensor) -> bool:
    """Whether dtype and shape are among those that the programs can take."""
    return (
        x.dtype in DTYPES
        and x.dim() in (3, 4, 5)
        and x.numel() > 0
        and max(x.shape[:2]) <= LONGEST_AXIS
        and prod(x.shape[2:]) <= MOST_VOXELS
    )


@cache
def _device_works(device: torch.device) -> bool:
    """Whether Triton is installed and agrees with torch on a device."""
    if not _is_supported(device) or find_spec("triton") is None:
        return False
    from triton import TritonError  # noqa: PLC0415  # Triton may be missing

    causes = (ImportError, OSError, RuntimeError, SubprocessError, TritonError)
    try:
        agrees = _agrees_with_torch(device)
    except causes as error:
        # No C compiler, or a driver that is too old: torch's kernels are used.
        _log.warning("Triton fails here (%s): torch's norms run", type(error).__name__)
        return False
    if not agrees:
        _log.warning("Triton's results differ from torch's here: torch's norms run")
    return agrees


def _agrees_with_torch(device: torch.device) -> bool:
    """Whether a small norm with activation and its gradient agree with torch."""
    with (
        torch.inference_mode(mode=False),
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
    ):
        drawn = torch.randn(2, 3, 5, 6, 7, generator=torch.Generator().manual_seed(0))
        ours, theirs = (drawn.to(device).requires_grad_() for _ in range(2))
        y = fused_instance_norm(ours, activation="leaky_relu")
        wanted = F.leaky_relu(F.instance_norm(theirs), 0.01)
        (our_gradient,) = torch.autograd.grad(y.square().sum(), ours)
        (their_gradient,) = torch.autograd.grad(wanted.square().sum(), theirs)
    pairs = ((y, wanted), (our_gradient, their_gradient))
    return all(torch.allclose(*pair, rtol=1e-3, atol=1e-4) for pair in pairs)


def _is_supported(device: torch.device) -> bool:
    """Whether the kernels are meant to run on a device."""
    if device.type == "cpu":
        return os.environ.get("TRITON_INTERPRET") == "1"
    if device.type != "cuda" or torch.version.cuda is None:
        return False
    return torch.cuda.get_device_capability(device) >= OLDEST
