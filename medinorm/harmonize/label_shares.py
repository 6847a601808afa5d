"""Label maps on another grid of the same axes, by the share of each label in a voxel.

A voxel gets the label with the largest share of it. That alone takes volume from small
and thin structures, and equal shares, which are common from 1 to 2 mm, need a rule. So
volume decides: a label that has fewer voxels than the sum of its shares gets those that
it missed by least. No label is preferred.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]
Places = tuple[NDArray[np.intp], ...]

_EQUAL = 1e-4  # difference of shares that is rounding
_GOLDEN = (5**0.5 - 1) / 2  # its multiples spread evenly between 0 and 1
_DIGITS = 3  # of volumes in voxels: shares are in single precision
_VOXELS_AT_ONCE = 2**20


@dataclass(frozen=True)
class AxisWeights:
    """How source voxels along one axis contribute to target voxels.

    A target voxel is a box as wide as it is, but at least as wide as a source voxel;
    at equal widths that is linear interpolation.

    Args:
        first: first source voxel of each target voxel, shape ``(n,)``.
        weights: those of it and the next ones, shape ``(taps, n)``, sum 1.
    """

    first: NDArray[np.intp]
    weights: NDArray[np.float32]

    def combine(
        self, array: Labels, axis: int, function: Callable[[Labels, Labels], Labels]
    ) -> Labels:
        """All source voxels of each target voxel along an axis, made one."""
        combined = array.take(self.first, axis)
        for tap in range(1, len(self.weights)):
            combined = function(combined, array.take(self.first + tap, axis))
        return combined


def weigh_axis(size: int, target_size: int, ratio: float) -> AxisWeights:
    """The weights along one axis of two grids with the same middle.

    Args:
        size: source voxels.
        target_size: target voxels.
        ratio: width of a target voxel in source voxels.

    Examples:
        >>> weigh_axis(4, 2, 2.0).weights
        array([[0.5, 0.5],
               [0.5, 0.5]], dtype=float32)
    """
    width = max(ratio, 1.0)
    middles = (np.arange(target_size) - (target_size - 1) / 2) * ratio + size / 2
    # Beyond the edge there is nothing to have a share of.
    low = np.clip(middles - width / 2, 0, size - 0.5)
    high = np.clip(middles + width / 2, 0.5, size)
    first = np.floor(low + _EQUAL).astype(np.intp)
    taps = int((np.ceil(high - _EQUAL) - first).max())
    first = np.clip(first, 0, size - taps)
    starts = first + np.arange(taps)[:, np.newaxis]
    overlap = (np.minimum(high, starts + 1) - np.maximum(low, starts)).clip(0)
    return AxisWeights(first, (overlap / overlap.sum(axis=0)).astype(np.float32))


def resample_by_share(labels: Labels, weights: Sequence[AxisWeights]) -> Labels:
    """Bring a label map to another grid, each label with its volume.

    Args:
        labels: shape ``(X, Y, Z)``, whole numbers from 0.
        weights: of the three axes.

    Returns:
        The label map on the target grid, of the same data type.
    """
    lowest = highest = labels
    for axis, along in enumerate(weights):
        lowest = along.combine(lowest, axis, np.minimum)
        highest = along.combine(highest, axis, np.maximum)
    mixed = np.flatnonzero(lowest != highest)
    parts = [
        _find_parts(
            labels, weights, mixed[start : start + _VOXELS_AT_ONCE], lowest.shape
        )
        for start in range(0, mixed.size, _VOXELS_AT_ONCE)
    ]
    result = lowest.copy()
    if mixed.size:
        result.reshape(-1)[mixed] = _divide(
            *(np.concatenate(column) for column in zip(*parts, strict=True))
        )
    return result


def _find_parts(
    labels: Labels,
    weights: Sequence[AxisWeights],
    voxels: NDArray[np.intp],
    grid: tuple[int, ...],
) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.float32]]:
    """The labels in some target voxels and their shares.

    Returns:
        Three arrays with an entry for each voxel and label: the voxel, in ascending
        order, the label and its share.
    """
    places = np.unravel_index(voxels, grid)
    taps = list(product(*(range(len(along.weights)) for along in weights)))
    values = np.empty((len(voxels), len(taps)), dtype=labels.dtype)
    shares = np.empty(values.shape, dtype=np.float32)
    for column, tap in enumerate(taps):
        axes = list(zip(weights, places, tap, strict=True))
        source = tuple(along.first[place] + step for along, place, step in axes)
        values[:, column] = labels[source]
        shares[:, column] = np.prod(
            [along.weights[step, place] for along, place, step in axes], axis=0
        )
    order = np.argsort(values, axis=1, kind="stable")
    values = np.take_along_axis(values, order, axis=1)
    shares = np.take_along_axis(shares, order, axis=1)
    new = np.ones(values.shape, dtype=bool)
    new[:, 1:] = values[:, 1:] != values[:, :-1]
    starts = np.flatnonzero(new)
    voxel = voxels[starts // len(taps)]
    share = np.add.reduceat(shares.reshape(-1), starts)
    return voxel, values.reshape(-1)[starts].astype(np.int64), share


def _divide(
    voxel: NDArray[np.intp], label: NDArray[np.int64], share: NDArray[np.float32]
) -> NDArray[np.int64]:
    """One label for each voxel, from the shares of all its labels.

    Args:
        voxel: in ascending order; it repeats for each of its labels.
        label: the labels, 0 is background.
        share: theirs.
    """
    starts = np.flatnonzero(np.diff(voxel, prepend=-1))
    row = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(voxel)))
    largest = np.maximum.reduceat(share, starts)
    best = np.flatnonzero(share >= largest[row] - _EQUAL)
    _, first = np.unique(row[best], return_index=True)
    winner = label[best[first]]
    volume = np.bincount(label, share).round(_DIGITS)
    lacks = volume - np.bincount(winner, minlength=len(volume))
    by_label = np.argsort(label, kind="stable")
    ends = np.searchsorted(label[by_label], np.arange(len(lacks) + 1))
    # The smallest label comes first: a larger one can make good for what it loses.
    for wanting in np.argsort(volume, kind="stable"):
        own = by_label[ends[wanting] : ends[wanting + 1]]
        own = own[winner[row[own]] != wanting]
        spare = np.where(volume > volume[wanting], np.inf, np.floor(-lacks))
        missed = largest[row[own]] - share[own]
        chosen = _choose(missed, winner[row[own]], spare, float(lacks[wanting]))
        taken = row[own[chosen]]
        lacks += np.bincount(winner[taken], minlength=len(lacks))
        lacks[wanting] -= len(taken)
        winner[taken] = wanting
    return winner


def _choose(
    missed: NDArray[np.float32],
    holder: NDArray[np.int64],
    spare: NDArray[np.float64],
    lacks: float,
) -> NDArray[np.intp]:
    """Which voxels a label gets of those that it has a share of.

    Args:
        missed: by how much it missed each voxel.
        holder: the label that has the voxel.
        spare: how many voxels each label can give.
        lacks: how many voxels are wanted.
    """
    # A part of a voxel is rounded up as often as it is large, over many scans.
    wanted = int(lacks + len(missed) * _GOLDEN % 1)
    if wanted <= 0:
        return np.empty(0, dtype=np.intp)
    turn = np.arange(len(missed)) * _GOLDEN % 1  # equal ones from everywhere
    order = np.lexsort((turn, np.rint(missed / _EQUAL)))
    groups = np.argsort(holder[order], kind="stable")
    held = holder[order][groups]
    rank = np.arange(len(held)) - np.searchsorted(held, held)
    return order[np.sort(groups[rank < spare[held]])[:wanted]]
