"""Label maps on another grid of the same axes, by the share of each label in a voxel.

A voxel gets the label with the largest share of it. That alone takes volume from small
and thin structures, and equal shares, which are common from 1 to 2 mm, need a rule. So
volume decides: a label that has fewer voxels than the sum of its shares gets those that
it missed by least. No label is preferred.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

Labels = NDArray[np.integer]
Boxes = list[tuple[int, tuple[slice, ...]]]
# The voxel, in ascending order, a label in it, and the share of the label.
Parts = tuple[NDArray[np.integer], NDArray[np.int64], NDArray[np.float32]]

_EQUAL = 1e-4  # difference of shares that is rounding
_GOLDEN = (5**0.5 - 1) / 2  # its multiples spread evenly between 0 and 1
_DIGITS = 3  # of volumes in voxels: shares are in single precision
_VOXELS_AT_ONCE = 2**17
_FEW = 12  # volumes of the bounding boxes of all labels, in volumes of the image


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

    def targets_of(self, start: int, stop: int) -> slice:
        """The target voxels of which some source voxels have a part."""
        last = self.first + len(self.weights) - 1
        return slice(
            int(np.searchsorted(last, start)), int(np.searchsorted(self.first, stop))
        )

    def average(
        self, array: NDArray[np.float32], axis: int, start: int
    ) -> NDArray[np.float32]:
        """Weighted means along an axis.

        Args:
            array: a part of the source; outside of it all is 0.
            axis: along which.
            start: first source voxel of the part.

        Returns:
            One mean for each of `targets_of` the part.
        """
        size = array.shape[axis]
        targets = self.targets_of(start, start + size)
        shape = [1] * array.ndim
        shape[axis] = -1
        count = len(self.first[targets])
        means = np.zeros(
            (*array.shape[:axis], count, *array.shape[axis + 1 :]), dtype=np.float32
        )
        for tap, weights in enumerate(self.weights[:, targets]):
            place = self.first[targets] + (tap - start)
            inside = (place >= 0) & (place < size)
            weight = np.where(inside, weights, np.float32(0)).reshape(shape)
            values = array.take(place.clip(0, size - 1), axis)
            means += np.multiply(values, weight, out=values)
        return means


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
    mixed = lowest != highest
    result = lowest.copy()
    if mixed.any():
        boxes = _boxes(labels)
        sizes = [[side.stop - side.start for side in box] for _, box in boxes]
        if sum(map(math.prod, sizes)) <= _FEW * labels.size:
            parts = _label_by_label(labels, boxes, weights, mixed)
        else:
            parts = _voxel_by_voxel(labels, weights, mixed)
        result[mixed] = _divide(*parts)
    return result


def _boxes(labels: Labels) -> Boxes:
    """Each label but 0 and its bounding box."""
    boxes = enumerate(find_objects(labels), start=1)
    return [(label, box) for label, box in boxes if box is not None]


def _label_by_label(
    labels: Labels,
    boxes: Boxes,
    weights: Sequence[AxisWeights],
    mixed: NDArray[np.bool_],
) -> Parts:
    """Parts of the mixed voxels: fast for few labels, or labels in small boxes."""
    count = np.int32 if mixed.size < np.iinfo(np.int32).max else np.int64
    number: NDArray[Any] = np.cumsum(mixed, dtype=count).reshape(mixed.shape)
    number -= 1
    voxels, names, shares = [], [], []
    rest = np.ones(int(number.flat[-1]) + 1, dtype=np.float32)
    for label, box in boxes:
        share = (labels[box] == label).astype(np.float32)
        for axis, (side, along) in enumerate(zip(box, weights, strict=True)):
            share = along.average(share, axis, side.start)
        sides = zip(box, weights, strict=True)
        targets = tuple(along.targets_of(s.start, s.stop) for s, along in sides)
        present = mixed[targets] & (share > _EQUAL)
        voxel, share = number[targets][present], share[present]
        rest[voxel] -= share
        voxels.append(voxel)
        names.append(np.full(len(voxel), label))
        shares.append(share)
    background = np.flatnonzero(rest > _EQUAL)
    voxel = np.concatenate([background, *voxels])
    order = np.argsort(voxel, kind="stable")
    label_of = np.concatenate([np.zeros(len(background), dtype=np.int64), *names])
    share_of = np.concatenate([rest[background], *shares])
    return voxel[order], label_of[order], share_of[order]


def _voxel_by_voxel(
    labels: Labels, weights: Sequence[AxisWeights], mixed: NDArray[np.bool_]
) -> Parts:
    """Parts of the mixed voxels: the cost does not grow with the number of labels."""
    places = np.flatnonzero(mixed)
    slabs = np.split(places, range(_VOXELS_AT_ONCE, places.size, _VOXELS_AT_ONCE))
    labels = np.ascontiguousarray(labels)
    parts = [_find_parts(labels, weights, slab, mixed.shape) for slab in slabs]
    voxel, label, share = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return voxel, label, share


def _find_parts(
    labels: Labels,
    weights: Sequence[AxisWeights],
    voxels: NDArray[np.intp],
    grid: tuple[int, ...],
) -> Parts:
    """The labels in some target voxels and their shares.

    Returns:
        Three arrays with an entry for each voxel and label: the voxel, in ascending
        order, the label and its share.
    """
    places = np.unravel_index(voxels, grid)
    taps = list(product(*(range(len(along.weights)) for along in weights)))
    values, shares = _gather(labels, weights, places, taps)
    # One number for label and tap: sorting it keeps equal labels in their order.
    wide = (int(labels.max()) + 1) * len(taps) > np.iinfo(np.int32).max
    keys: NDArray[Any] = values.astype(np.int64 if wide else np.int32)
    keys *= len(taps)
    keys += np.arange(len(taps), dtype=keys.dtype)[:, np.newaxis]
    _sort_columns(keys)
    keys = np.ascontiguousarray(keys.T)
    values = keys // len(taps)
    keys -= values * len(taps)
    new = np.ones(values.shape, dtype=bool)
    new[:, 1:] = values[:, 1:] != values[:, :-1]
    starts = np.flatnonzero(new)
    sorted_shares = np.take_along_axis(np.ascontiguousarray(shares.T), keys, axis=1)
    share = np.add.reduceat(sorted_shares.reshape(-1), starts)
    voxel = voxels[starts // len(taps)]
    return voxel, values.reshape(-1)[starts].astype(np.int64), share


def _gather(
    labels: Labels,
    weights: Sequence[AxisWeights],
    places: Sequence[NDArray[np.intp]],
    taps: Sequence[tuple[int, ...]],
) -> tuple[Labels, NDArray[np.float32]]:
    """Labels of the source voxels of target voxels, and how much each contributes.

    Args:
        labels: shape ``(X, Y, Z)``.
        weights: of the three axes.
        places: of the target voxels, one array an axis.
        taps: source voxels of a target voxel, from its first on.

    Returns:
        Two arrays of shape ``(taps, voxels)``.
    """
    flat, (_, y, z) = labels.reshape(-1), labels.shape
    first = [along.first[place] for along, place in zip(weights, places, strict=True)]
    corner = (first[0] * y + first[1]) * z + first[2]
    along_axes = [
        along.weights[:, place] for along, place in zip(weights, places, strict=True)
    ]
    values = np.empty((len(taps), corner.size), dtype=labels.dtype)
    shares = np.empty(values.shape, dtype=np.float32)
    for row, (i, j, k) in enumerate(taps):
        np.take(flat, corner + ((i * y + j) * z + k), out=values[row])
        np.multiply(along_axes[0][i], along_axes[1][j], out=shares[row])
        shares[row] *= along_axes[2][k]
    return values, shares


def _sort_columns(keys: NDArray[np.integer]) -> None:
    """Sort each column of an array of few rows, by Batcher's merge exchange.

    Whole rows are compared at once, which takes a fraction of sorting one by one.

    References:
        Knuth, "The Art of Computer Programming", vol. 3, section 5.2.2, algorithm M.
    """
    top = 1 << max(0, (len(keys) - 1).bit_length() - 1)
    step = top
    while step:
        span, remainder, distance = top, 0, step
        while True:
            for low in range(len(keys) - distance):
                if low & step == remainder:
                    one, other = keys[low], keys[low + distance]
                    smaller = np.minimum(one, other)
                    np.maximum(one, other, out=other)
                    one[:] = smaller
            if span == step:
                break
            distance, span, remainder = span - step, span // 2, step
        step //= 2


def _divide(
    voxel: NDArray[np.integer], label: NDArray[np.int64], share: NDArray[np.float32]
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
    first = np.flatnonzero(np.diff(row[best], prepend=-1))
    winner = label[best[first]]
    volume = np.bincount(label, share).round(_DIGITS)
    lacks = volume - np.bincount(winner, minlength=len(volume))
    by_label = _stable_order(label)
    ends = np.searchsorted(label[by_label], np.arange(len(lacks) + 1))
    # The smallest label comes first: a larger one can make good for what it loses.
    for wanting in np.argsort(volume, kind="stable"):
        if lacks[wanting] <= 0:
            continue
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
    able = np.flatnonzero(spare[holder] > 0)
    turn = able * _GOLDEN % 1  # equal ones from everywhere
    order = able[np.lexsort((turn, np.rint(missed[able] / _EQUAL)))]
    groups = _stable_order(holder[order])
    held = holder[order][groups]
    rank = np.arange(len(held)) - np.searchsorted(held, held)
    return order[np.sort(groups[rank < spare[held]])[:wanted]]


def _stable_order(labels: NDArray[np.int64]) -> NDArray[np.intp]:
    """What `argsort` gives; in few steps if labels are small, as they mostly are."""
    small = not labels.size or labels.max() <= np.iinfo(np.uint16).max
    return np.argsort(labels.astype(np.uint16) if small else labels, kind="stable")
