"""NumPy arrays and torch tensors: their types, and conversion between them.

Torch is never imported here: whoever made a tensor has imported it.
"""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from medinorm.errors import IntensityError

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import TypeIs

    Voxels: TypeAlias = NDArray[Any] | Tensor
else:
    Voxels = NDArray[Any]

ArrayT = TypeVar("ArrayT", bound=Voxels)
# A mask for each channel; ``None``: all its voxels.
Masks = Sequence[Voxels | None] | Voxels
Mask = NDArray[np.bool_]
Rule = Callable[[Any], Any]  # voxels to mask, one voxel at a time; NumPy and torch


class Shaped(Protocol):
    """What has a shape."""

    @property
    def shape(self) -> tuple[int, ...]:
        """How many voxels along each axis."""


def is_tensor(array: object) -> "TypeIs[Tensor]":
    """Whether `array` is a torch tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def is_accelerated(array: object) -> "TypeGuard[Tensor]":
    """Whether `array` is a tensor that does not lie in the main memory."""
    return is_tensor(array) and array.device.type != "cpu"


def to_host(array: Voxels) -> NDArray[Any]:
    """`array` for NumPy, sharing memory where it can."""
    if not is_tensor(array):
        return np.asarray(array)
    tensor = array.detach().cpu()
    if "bfloat16" in str(tensor.dtype):  # NumPy has none
        tensor = tensor.float()
    return np.asarray(tensor.numpy())


def match_kind(values: NDArray[Any], array: ArrayT) -> ArrayT:
    """`values` as a tensor on the device of `array`, if that is a tensor."""
    if not is_tensor(array):
        return cast("ArrayT", values)
    torch = sys.modules["torch"]
    return cast("ArrayT", torch.from_numpy(values).to(array.device))


def find_finite(array: ArrayT) -> ArrayT:
    """Which voxels are neither NaN nor infinite; same kind and device."""
    finite = array.isfinite() if is_tensor(array) else np.isfinite(array)
    return cast("ArrayT", finite)


def as_mask(mask: ArrayT) -> ArrayT:
    """Which voxels of a mask are foreground: those with a number other than 0.

    NaN and infinity are outside: SPM writes NaN where there is no brain.

    Args:
        mask: any shape and real data type, NumPy or torch.

    Returns:
        The same shape, kind and device, of booleans.
    """
    if "bool" in str(mask.dtype):
        return mask
    inside = mask.ne(0) if is_tensor(mask) else np.not_equal(mask, 0)
    return cast("ArrayT", find_finite(mask) & inside)


def require_grid(mask: Shaped, channel: Shaped) -> None:
    """Refuse a mask on another voxel grid.

    Raises:
        IntensityError: the shapes differ.
    """
    if tuple(mask.shape) != tuple(channel.shape):
        raise IntensityError(
            f"the mask has {_grid(mask)} voxels, the image {_grid(channel)}; "
            "resample the mask onto the image's grid"
        )


def _grid(array: Shaped) -> str:
    return "x".join(map(str, array.shape)) or "1"
