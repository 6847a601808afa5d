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
_COMPLEX = "the voxels are complex numbers; give their magnitude, abs(image)"
# What NumPy cannot read.
_TENSORS = (
    "no memory (a tensor on the device meta); give one on the CPU or a GPU",
    "a nested tensor; give its images one by one",
    "a quantized tensor; give image.dequantize()",
    "a sparse tensor; give image.to_dense()",
)
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
    """`array` for NumPy, sharing memory where it can.

    Raises:
        IntensityError: its voxels are no real numbers, or cannot be read.
    """
    if not is_tensor(array):
        host = np.asarray(array)
        require_numbers(host)
        return host
    require_numbers(array)
    tensor = array.detach().cpu()
    if "float8" in str(tensor.dtype) or "bfloat16" in str(tensor.dtype):
        tensor = tensor.float()  # NumPy has neither
    return np.asarray(tensor.numpy())


def require_numbers(array: Voxels) -> None:
    """Refuse voxels that are no real numbers, or that are not there to be read.

    Raises:
        IntensityError: they are complex, text or objects, or the tensor is sparse,
            nested, quantized or without data; with what to do.
    """
    if is_tensor(array):
        if array.is_complex():
            raise IntensityError(_COMPLEX)
        sparse = not array.is_nested and "strided" not in str(array.layout)
        unusable = [array.is_meta, array.is_nested, array.is_quantized, sparse]
        for remedy, refused in zip(_TENSORS, unusable, strict=True):
            if refused:
                raise IntensityError(f"the voxels are in {remedy}")
    elif array.dtype.kind == "c":
        raise IntensityError(_COMPLEX)
    elif array.dtype.kind not in "biuf":
        raise IntensityError(
            "the voxels are no numbers; give an array of integers or floats"
        )


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
