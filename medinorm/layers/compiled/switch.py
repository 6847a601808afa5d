"""Whether the compiled loops are used."""

from importlib.util import find_spec

import torch
from torch import Tensor

_SWITCH = {"on": False}
_DTYPES = (torch.float32, torch.float64)


def enable(*, on: bool = True) -> None:
    """Let all norms use compiled loops on the CPU where channels are innermost.

    The first call of each loop compiles it, which takes some seconds in all.

    Args:
        on: False: use them no longer.

    Raises:
        ImportError: numba is not installed.

    Examples:
        >>> enable(on=False)
        >>> is_enabled()
        False
    """
    if on and find_spec("numba") is None:
        raise ImportError("compiled loops need numba: pip install medinorm[compiled]")
    _SWITCH["on"] = on


def is_enabled() -> bool:
    """Whether `enable` was called."""
    return _SWITCH["on"]


def takes(*views: Tensor) -> bool:
    """Whether the loops are on and can take voxel views ``(N, V, C)`` of one dtype.

    Examples:
        >>> takes(torch.zeros(1, 8, 2, dtype=torch.float16))
        False
    """
    return _SWITCH["on"] and all(
        view.dtype == views[0].dtype and view.dtype in _DTYPES for view in views
    )
