"""What is done with tensors on an accelerator: the only module that imports torch."""

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medinorm.intensity.voxels.kinds import (
    Rule,
    Voxels,
)
from medinorm.intensity.voxels.sums import (
    VoxelMoments,
    merge,
    refuse_nonfinite,
    split_offset,
)

_BLOCK = 1 << 24  # voxels: 128 MiB as float64
_EXACT_IN_FLOAT32 = {
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.uint16,
    torch.float16,
    torch.bfloat16,
    torch.float32,
}


def count_nonfinite(channel: Tensor) -> tuple[int, int]:
    """How many voxels are NaN, and how many infinite."""
    return int(channel.isnan().sum()), int(channel.isinf().sum())


def measure(channel: Tensor, mask: Voxels | Rule | None) -> VoxelMoments:
    """Count, mean and squared deviations of the voxels in a mask."""
    kind = _precise(channel)
    inside = mask
    if callable(mask):
        refuse_nonfinite(*count_nonfinite(channel))
        inside = mask(channel)
    parts = []
    for values in _values(channel, cast("Tensor | None", inside)):
        if values.numel():
            precise = values.to(kind)
            mean = precise.mean()
            m2 = (precise - mean).square().sum()
            parts.append(VoxelMoments(values.numel(), float(mean), float(m2)))
    return merge(parts)


def find_ranks(
    channel: Tensor, mask: Voxels | None, fractions: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Order statistics around fractions; see `medinorm.intensity.voxels.ranks`."""
    inside = cast("Tensor | None", mask)
    values = channel.flatten() if inside is None else channel[inside.bool()]
    if not values.numel():
        return np.empty(0), np.empty(0), np.empty(0)
    ordered = values.sort().values
    last = values.numel() - 1
    refuse_nonfinite(*count_nonfinite(values))
    place = np.asarray(fractions, dtype=np.float64) * last
    below = np.floor(place).astype(np.int64)
    low, high = (
        ordered[torch.from_numpy(rank).to(ordered.device)].cpu().double().numpy()
        for rank in (below, np.minimum(below + 1, last))
    )
    return low, high, place - below


def subtract_divide(
    channel: Tensor,
    offset: float,
    scale: float,
    out: Tensor | None,
    limits: tuple[float, float] | None = None,
) -> Tensor:
    """``(x - a) / b`` as float32, clipped; see `medinorm.intensity.voxels.arrays`."""
    mapped = torch.empty_like(channel, dtype=torch.float32) if out is None else out
    if channel.dtype in _EXACT_IN_FLOAT32:
        near, rest = split_offset(offset, scale)
        torch.sub(channel.float(), float(near), out=mapped)
        mapped.mul_(1 / scale)
        if rest:
            mapped.sub_(rest)
    else:
        mapped.copy_((channel.to(_precise(channel)) - offset).div_(scale))
    return mapped.clamp_(*limits) if limits else mapped


def _values(channel: Tensor, mask: Tensor | None) -> Iterator[Tensor]:
    """The voxels in a mask, block by block."""
    flat = channel.reshape(-1)
    if mask is None:
        yield from torch.split(flat, _BLOCK)
    else:
        inside = torch.split(mask.reshape(-1).bool(), _BLOCK)
        for values, chosen in zip(torch.split(flat, _BLOCK), inside, strict=True):
            yield values[chosen]


def _precise(channel: Tensor) -> torch.dtype:
    """The type to add numbers in: float64 where the device has it."""
    return torch.float32 if channel.device.type == "mps" else torch.float64
