"""Exact order statistics of many voxels without sorting them.

Integers of one or two bytes are counted. For other types, a sample tells between which
values each rank probably lies. One pass then counts the voxels below and keeps the few
between. If the sample was wrong, all voxels are partitioned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medinorm.intensity.voxels.arrays import (
    BLOCK,
    blocks,
    is_finite,
    require_finite,
    select,
)
from medinorm.intensity.voxels.kinds import Mask

_STEP = 61  # from voxel to voxel of the sample; a prime avoids the grid's periods
_FEW = 1 << 15  # voxels that are partitioned at once
_NEAR = 0.03  # share of ranks at an end where keeping voxels costs less than counting
_MARGIN = 4.0  # standard errors of a rank in the sample


@dataclass
class _Bracket:
    """Values between which some ranks probably lie, and the voxels there.

    Args:
        low: the lower one; ``None`` near the lowest rank: none is below.
        high: the upper one; ``None`` near the highest rank.
        below: how many voxels were below.
        tied: how many were equal to both, if `low` and `high` are the same.
        between: the voxels between them, otherwise.
    """

    low: np.number[Any] | None
    high: np.number[Any] | None
    below: int = 0
    tied: int = 0
    between: list[NDArray[Any]] = field(default_factory=list)

    def add(self, values: NDArray[Any]) -> None:
        """Count the values below; keep those between, or count them where tied."""
        if self.low == self.high:
            self.below += int(np.count_nonzero(values < self.low))
            self.tied += int(np.count_nonzero(values == self.low))
            return
        if self.low is None:
            self.between.append(values[values <= self.high])
            return
        reached = values >= self.low
        self.below += values.size - int(np.count_nonzero(reached))
        if self.high is not None:
            reached &= values <= self.high
        self.between.append(values[reached])

    def find(self, ranks: NDArray[np.intp]) -> NDArray[Any] | None:
        """The values at ranks; ``None``, if they are not in the bracket."""
        inside = ranks - self.below
        between = np.concatenate(self.between) if self.between else np.empty(0)
        if inside.min() < 0 or inside.max() >= max(self.tied, between.size):
            return None
        if self.tied:
            return np.full(ranks.shape, self.low)
        between.partition(np.unique(inside))
        return between[inside]


def find_ranks(
    channel: NDArray[Any], mask: Mask | None, fractions: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Order statistics around fractions of the voxels in a mask.

    Args:
        channel: any shape and real data type.
        mask: of the same shape; ``None``: all voxels.
        fractions: between 0 and 1.

    Returns:
        For each fraction the value at or below its rank, the next one, and how far the
        rank is between them. Empty arrays, if no voxel is in the mask.

    Raises:
        IntensityError: a voxel in the mask is NaN or infinite.
    """
    count = channel.size if mask is None else int(np.count_nonzero(mask))
    place = np.asarray(fractions, dtype=np.float64) * max(0, count - 1)
    lower = np.floor(place).astype(np.intp)
    ranks = np.stack([lower, np.minimum(lower + 1, max(0, count - 1))])
    if not count:
        empty = np.empty(0)
        return empty, empty, empty
    if channel.dtype.kind in "iu" and channel.dtype.itemsize <= 2:
        values = _count(channel, mask, ranks)
    elif count <= _FEW:
        values = _partition(channel, mask, ranks)
    else:
        values = _narrow(channel, mask, count, ranks)
    low, high = values.astype(np.float64)
    return low, high, place - lower


def _partition(
    channel: NDArray[Any], mask: Mask | None, ranks: NDArray[np.intp]
) -> NDArray[Any]:
    """The values at the ranks, of all voxels at once."""
    values = select(channel, mask)
    require_finite(values)
    values.partition(np.unique(ranks))
    return values[ranks]


def _count(
    channel: NDArray[Any], mask: Mask | None, ranks: NDArray[np.intp]
) -> NDArray[Any]:
    """The values at the ranks, of integers with few values: by counting each."""
    low = int(channel.min())
    span = int(channel.max()) - low + 1
    histogram = np.zeros(span, dtype=np.intp)
    operands = (channel,) if mask is None else (channel, mask)
    dtypes = [np.intp, bool][: len(operands)]
    # Blocks are larger than the histogram: otherwise adding it up would be slow.
    with blocks(*operands, dtypes=dtypes, size=max(BLOCK, 4 * span)) as each_block:
        for block in each_block:
            values = block if mask is None else block[0][block[1]]
            histogram += np.bincount(values - low, minlength=span)
    return low + np.searchsorted(histogram.cumsum(), ranks, side="right")


def _narrow(
    channel: NDArray[Any], mask: Mask | None, count: int, ranks: NDArray[np.intp]
) -> NDArray[Any]:
    """The values at the ranks, with the help of a sample."""
    sample = np.sort(_sample(channel, mask))
    if not sample.size:
        return _partition(channel, mask, ranks)
    brackets = [_bracket(sample, pair, count) for pair in ranks.T]
    operands = (channel,) if mask is None else (channel, mask)
    with blocks(*operands) as parts, np.errstate(over="ignore", invalid="ignore"):
        for block in parts:
            values = block if mask is None else block[0][block[1]]
            if not is_finite(values):
                require_finite(select(channel, mask))
            for bracket in brackets:
                bracket.add(values)
    values_at = [
        bracket.find(pair) for bracket, pair in zip(brackets, ranks.T, strict=True)
    ]
    if any(pair is None for pair in values_at):
        return _partition(channel, mask, ranks)
    return np.array(values_at).T


def _sample(channel: NDArray[Any], mask: Mask | None) -> NDArray[Any]:
    """Some of the voxels in the mask."""
    operands = (channel,) if mask is None else (channel, mask)
    with blocks(*operands) as each_block:
        parts = [
            block[::_STEP].copy()
            if mask is None
            else block[0][::_STEP][block[1][::_STEP]]
            for block in each_block
        ]
    return np.concatenate(parts)


def _bracket(sample: NDArray[Any], ranks: NDArray[np.intp], count: int) -> _Bracket:
    """Values of the sample that the ranks probably lie between."""
    share = (ranks + 0.5) / count
    error = _MARGIN * np.sqrt(share * (1 - share) * sample.size) + 1
    first = int(np.floor((share * sample.size - error).min()))
    last = int(np.ceil((share * sample.size + error).max()))
    lowest, highest = sample[max(first, 0)], sample[min(last, sample.size - 1)]
    if lowest == highest:
        return _Bracket(lowest, highest)
    if share[0] < _NEAR or first < 0:
        return _Bracket(None, highest)
    if share[1] > 1 - _NEAR or last >= sample.size:
        return _Bracket(lowest, None)
    return _Bracket(lowest, highest)
