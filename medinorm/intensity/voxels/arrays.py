"""What all intensity functions do with voxels, of NumPy arrays and torch tensors.

Tensors on the CPU share their memory with NumPy arrays and are treated as these; those
on an accelerator stay there (`medinorm.intensity.voxels.tensors`).

Voxels are read in blocks that stay in the processor's cache, so that float64
temporaries cost no memory traffic.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from medinorm.errors import IntensityError
from medinorm.intensity.voxels.kinds import (
    ArrayT,
    Mask,
    Rule,
    Voxels,
    as_mask,
    is_accelerated,
    is_tensor,
    match_kind,
    require_grid,
    to_host,
)
from medinorm.intensity.voxels.sums import (
    VoxelMoments,
    merge_parts,
    refuse_nonfinite,
    split_offset,
)

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 1 << 15  # voxels: 256 KiB as float64
_ROUNDING = 1e-9  # relative; float64 sums round less, and float32 contrast is larger


def blocks(
    *arrays: NDArray[Any],
    out: NDArray[Any] | None = None,
    dtypes: Sequence[DTypeLike | None] | None = None,
    size: int = BLOCK,
) -> AbstractContextManager[Iterable[Any]]:
    """Blocks of arrays of one shape, as vectors, in the order in memory of the first.

    To be used as a context. With one operand there are vectors, with several tuples.

    Args:
        arrays: what is read.
        out: what is written, last in each tuple.
        dtypes: what the blocks are converted to, one for each operand; ``None``: as is.
        size: voxels in a block, at most.

    Returns:
        A `numpy.nditer`, over vectors or tuples of them.
    """
    operands = [*arrays] if out is None else [*arrays, out]
    uses: list[list[Literal["readonly", "writeonly"]]] = [["readonly"]] * len(arrays)
    if out is not None:
        uses.append(["writeonly"])
    kinds = dtypes or [None] * len(operands)
    iterator = np.nditer(
        operands,
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_flags=uses,
        op_dtypes=[
            operand.dtype if kind is None else np.dtype(kind)
            for operand, kind in zip(operands, kinds, strict=True)
        ],
        casting="unsafe",
        order="K",
        buffersize=size,
    )
    return cast("AbstractContextManager[Iterable[Any]]", iterator)


def select(channel: NDArray[Any], mask: Mask | None) -> NDArray[Any]:
    """The values of the voxels in `mask` (``None``: of all), a copy, in any order."""
    return channel.flatten(order="K") if mask is None else channel[as_mask(mask)]


def count_nonfinite(channel: Voxels) -> tuple[int, int]:
    """How many voxels are NaN, and how many infinite."""
    if is_accelerated(channel):
        from medinorm.intensity.voxels import tensors  # noqa: PLC0415  (imports torch)

        return tensors.count_nonfinite(channel)
    values = to_host(channel)
    if values.dtype.kind != "f":
        return 0, 0
    nan, infinite = 0, 0
    with blocks(values) as each:
        for voxels in each:
            if not is_finite(voxels):
                nan += int(np.isnan(voxels).sum())
                infinite += int(np.isinf(voxels).sum())
    return nan, infinite


def is_finite(voxels: NDArray[Any]) -> bool:
    """Whether a vector is free of NaN and infinity."""
    if voxels.dtype.kind != "f":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        # If the sum of squares is finite, so is each voxel: the fastest test. Only very
        # large numbers, which are rare, make it overflow.
        return isfinite(voxels.dot(voxels)) or bool(np.isfinite(voxels).all())


def require_finite(channel: Voxels) -> None:
    """Refuse NaN and infinity.

    Raises:
        IntensityError: there are some; with how many.
    """
    refuse_nonfinite(*count_nonfinite(channel))


def measure(channel: Voxels, mask: Voxels | Rule | None = None) -> VoxelMoments:
    """Count, mean and squared deviations of the voxels in a mask, in float64.

    Args:
        channel: any shape and real data type.
        mask: of the same shape; ``None``: all voxels; or a `Rule`: then all voxels must
            be finite, also those that it does not pick.

    Returns:
        The moments; `m2` is 0 if and only if all voxels have the same value.

    Raises:
        IntensityError: no voxel is in the mask, one of them is NaN or infinite, or the
            mask has another shape.
    """
    if mask is not None and not callable(mask):
        require_grid(mask, channel)
    moments = measure_any(channel, mask)
    if not isfinite(moments.m2):
        require_finite(channel)
    if not moments.count:
        raise IntensityError("no voxel is in the foreground; choose another")
    return moments


def measure_any(channel: Voxels, mask: Voxels | Rule | None = None) -> VoxelMoments:
    """As `measure`, without errors: no voxel has count 0, and NaN gives NaN."""
    inside = mask if mask is None or callable(mask) else as_mask(mask)
    if is_accelerated(channel):
        from medinorm.intensity.voxels import tensors  # noqa: PLC0415  (imports torch)

        moments = tensors.measure(channel, inside)
    else:
        host = to_host(inside) if is_tensor(inside) else inside
        moments = _measure(to_host(channel), host)
    # Minimum and maximum decide what is constant: after rounding, the deviations of a
    # constant array are often above 0. Larger deviations need no such check.
    if moments.count and moments.std <= _ROUNDING * abs(moments.mean):
        values = _inside(channel, inside)
        low = float(values.min())
        if low == float(values.max()):
            return VoxelMoments(moments.count, low, 0.0)
    return moments


def _measure(channel: NDArray[Any], mask: Mask | Rule | None) -> VoxelMoments:
    """The moments of a NumPy channel, merged from those of its blocks."""
    measured = _Blocks()
    rule = mask if callable(mask) else None
    operands = (channel,) if mask is None or rule else (channel, mask)
    with (
        np.errstate(invalid="ignore", over="ignore"),
        blocks(*operands, dtypes=[None, bool][: len(operands)]) as each,
    ):
        for block in each:
            if len(operands) > 1:
                measured.add(block[0][block[1]])
            else:
                measured.add(_pick(block, rule) if rule else block)
    return merge_parts(measured.parts)


def _pick(block: NDArray[Any], rule: Rule) -> NDArray[Any]:
    """The voxels that a rule picks; all voxels, if some are NaN or infinite."""
    if block.dtype.kind == "f" and not isfinite(block.dot(block)):
        return block[rule(block)] if is_finite(block) else block
    return block[rule(block)]


def _inside(channel: Voxels, mask: Voxels | Rule | None) -> Voxels:
    """The voxels in a mask, as a vector."""
    if mask is None:
        return channel.ravel()
    return channel[mask(channel) if callable(mask) else mask]


class _Blocks:
    """Moments of blocks, in float64, with few calls for each: there are hundreds."""

    def __init__(self) -> None:
        self._ones = np.ones(BLOCK)
        self._room = np.empty(BLOCK)
        self.parts: list[tuple[int, float, float]] = []

    def add(self, values: NDArray[Any]) -> None:
        """Measure one block. `numpy.dot` sums faster than `numpy.sum`."""
        count = values.size
        if not count:
            return
        room = self._room[:count]
        room[...] = values
        mean = room.dot(self._ones[:count]) / count
        room -= mean
        self.parts.append((count, mean, room.dot(room)))


def subtract_divide(
    channel: ArrayT,
    offset: float,
    scale: float,
    out: ArrayT | None = None,
    limits: tuple[float, float] | None = None,
) -> ArrayT:
    r""":math:`(x - a) / b` of all voxels, as float32, and clipped to `limits`.

    The offset is removed exactly: with a mean of 1e6, float32 alone would lose digits.
    Where the voxels are exact in float32, :math:`a` is split into a float32 number and
    a rest. The number is subtracted first, which is exact for voxels near it, and the
    rest after the division. Other voxels are computed in float64.

    Args:
        channel: any shape and real data type; not changed.
        offset: :math:`a`.
        scale: :math:`b`.
        out: where to write; ``None``: a new array.
        limits: the lowest and the highest result; ``None``: any.
    """
    if is_accelerated(channel):
        from medinorm.intensity.voxels import tensors  # noqa: PLC0415  (imports torch)

        room = cast("Tensor | None", out)
        result = tensors.subtract_divide(channel, offset, scale, room, limits)
        return cast("ArrayT", result)
    values = to_host(channel)
    mapped = np.empty_like(values, dtype=np.float32) if out is None else to_host(out)
    with np.errstate(invalid="ignore", over="ignore"):
        if exact_in_float32(values.dtype):
            _map_in_float32(values, offset, scale, mapped, limits)
        else:
            _map_in_float64(values, offset, scale, mapped, limits)
    return match_kind(mapped, channel) if out is None else out


def exact_in_float32(dtype: np.dtype[Any]) -> bool:
    """Whether all numbers of this type are float32 numbers."""
    return np.can_cast(dtype, np.float32)


def _map_in_float32(
    channel: NDArray[Any],
    offset: float,
    scale: float,
    out: NDArray[np.float32],
    limits: tuple[float, float] | None,
) -> None:
    near, rest = split_offset(offset, scale)
    factor, last = np.float32(1 / scale), np.float32(rest)
    with blocks(channel, out=out, dtypes=[np.float32, np.float32]) as each:
        for voxels, mapped in each:
            np.subtract(voxels, near, out=mapped)
            np.multiply(mapped, factor, out=mapped)
            if rest:
                np.subtract(mapped, last, out=mapped)
            if limits:
                mapped.clip(*limits, out=mapped)


def _map_in_float64(
    channel: NDArray[Any],
    offset: float,
    scale: float,
    out: NDArray[np.float32],
    limits: tuple[float, float] | None,
) -> None:
    with blocks(channel, out=out, dtypes=[np.float64, np.float32]) as each:
        for voxels, mapped in each:
            np.divide(voxels - offset, scale, out=mapped, casting="same_kind")
            if limits:
                mapped.clip(*limits, out=mapped)
