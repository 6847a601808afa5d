"""Piecewise linear intensity maps, for landmarks and histogram matching."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from medinorm.errors import IntensityError
from medinorm.intensity.maps.intensity_map import ChannelMap
from medinorm.intensity.voxels.arrays import blocks
from medinorm.intensity.voxels.kinds import (
    ArrayT,
    Masks,
    Voxels,
    is_accelerated,
    to_host,
)

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

_FEW = 16  # knots up to which counting those below is faster than a search
_BUCKETS = 4096
_CROWDED = 4  # knots near one bucket beyond which binary search is faster


@dataclass(frozen=True)
class PiecewiseLinearMap(ChannelMap):
    r"""Straight lines between knots, of each channel.

    .. math:: y = y_k + \frac{y_{k+1} - y_k}{x_{k+1} - x_k} (x - x_k),
        \qquad x_k \le x < x_{k+1}

    Below the first and above the last knot the outermost lines are continued.

    Args:
        inputs: :math:`x_k` of each channel, strictly rising, in the unit of the input.
        outputs: :math:`y_k` of each channel.
        background: value of :math:`y` outside of the masks that `apply` is given;
            ``None``: the map applies there too.
        nonfinite: what NaN and infinity become; ``None``: NaN stays, and infinity
            follows the line.

    Raises:
        IntensityError: a channel has fewer than 2 knots, unequal numbers of inputs and
            outputs, or inputs that do not rise.

    Examples:
        >>> bent = PiecewiseLinearMap(((0.0, 10.0, 20.0),), ((0.0, 1.0, 5.0),))
        >>> bent.apply(np.array([[-10, 5, 15, 30]], dtype=np.int16))
        array([[-1. ,  0.5,  3. ,  9. ]], dtype=float32)
    """

    kind: ClassVar[str] = "piecewise"

    inputs: tuple[tuple[float, ...], ...]
    outputs: tuple[tuple[float, ...], ...]
    background: float | None = None
    nonfinite: float | None = None

    def __post_init__(self) -> None:
        for inputs, outputs in zip(self.inputs, self.outputs, strict=True):
            if len(inputs) < 2 or len(inputs) != len(outputs):
                raise IntensityError(
                    f"{len(inputs)} inputs and {len(outputs)} outputs make no "
                    "piecewise linear map; give 2 or more pairs"
                )
            if not _rises(inputs) or not np.isfinite((inputs, outputs)).all():
                raise IntensityError(
                    "the inputs of a piecewise linear map must rise strictly, and all "
                    "knots be finite; merge those that coincide"
                )

    @property
    def channels(self) -> int:
        """How many channels an image must have."""
        return len(self.inputs)

    def apply_channel(self, number: int, channel: Voxels, out: Voxels) -> None:
        """Map channel `number` into `out`, a float32 array of its shape."""
        lines = _Lines.through(self.inputs[number], self.outputs[number])
        if is_accelerated(channel):
            lines.apply_tensor(channel, cast("Tensor", out))
            return
        values, room = to_host(channel), to_host(out)
        if _has_few_values(values):
            _look_up(values, lines, room)
        else:
            lines.apply(values, room)

    def inverse(self) -> "PiecewiseLinearMap":
        """The inverse map.

        Raises:
            IntensityError: outputs do not rise strictly, or this map replaces
                intensities.
        """
        kept = (self.background, self.nonfinite) == (None, None)
        if not kept or not all(map(_rises, self.outputs)):
            raise IntensityError(
                "this map gives different intensities the same value, and has no "
                "inverse"
            )
        return PiecewiseLinearMap(self.outputs, self.inputs)


class PerScanMap(ABC):
    """What is learned once and gives each scan a map of its own."""

    @abstractmethod
    def map_for(self, array: Voxels, masks: Masks) -> PiecewiseLinearMap:
        """The map of one scan, from what is measured in its masks."""

    def apply(self, array: ArrayT, masks: Masks | None = None) -> ArrayT:
        """Map a scan by `map_for`.

        Args:
            array: shape ``(C, ...)``, NumPy or torch.
            masks: where to measure, for each channel; ``None``: all voxels.

        Returns:
            The same shape, kind and device, float32.

        Raises:
            IntensityError: as `map_for`.
        """
        inside = [None] * len(array) if masks is None else masks
        return self.map_for(array, inside).apply(array, inside)

    def inverse(self) -> PiecewiseLinearMap:
        """Not possible without the scan: invert what `map_for` returns.

        Raises:
            IntensityError: always.
        """
        raise IntensityError("this map depends on the scan; invert map_for(...)")


def merge_ties(
    inputs: Iterable[float], outputs: Iterable[float], tolerance: float = 1e-6
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Knots without ties: those whose inputs coincide become one, with the mean output.

    So the map stays continuous, and rises where `outputs` rise.

    Args:
        inputs: not falling.
        outputs: one for each input.
        tolerance: inputs closer than this share of their range coincide. Closer ones
            would make a slope of rounding errors.

    Examples:
        >>> merge_ties([0, 0, 5, 10], [0, 10, 50, 100])
        ((0.0, 5.0, 10.0), (5.0, 50.0, 100.0))
    """
    knots, values = (np.fromiter(one, np.float64) for one in (inputs, outputs))
    new = np.diff(knots, prepend=-np.inf) > tolerance * (knots[-1] - knots[0])
    group = np.cumsum(new) - 1
    size = np.bincount(group)
    means = (np.bincount(group, weights=one) / size for one in (knots, values))
    merged_inputs, merged_outputs = (tuple(mean.tolist()) for mean in means)
    return merged_inputs, merged_outputs


def _rises(values: Sequence[float]) -> bool:
    return all(low < high for low, high in pairwise(values))


def _has_few_values(channel: NDArray[Any]) -> bool:
    """Whether a table of all values of its type is smaller than the channel."""
    bytes_each = channel.dtype.itemsize
    return bytes_each <= 2 and channel.size > 1 << 8 * bytes_each


def _look_up(channel: NDArray[Any], lines: "_Lines", out: Floats32) -> None:
    """Map one channel of a type with few values through a table of all of them."""
    native = channel.dtype.newbyteorder("=")
    index = np.dtype(f"u{native.itemsize}")
    every = np.arange(1 << 8 * native.itemsize, dtype=index)
    table = np.empty(every.size, dtype=np.float32)
    lines.apply(every.view(native), table)
    stored = channel.view(index.newbyteorder(channel.dtype.byteorder))
    with blocks(stored, out=out, dtypes=[np.intp, np.float32]) as each_block:
        for numbers, mapped in each_block:
            np.take(table, numbers, out=mapped, mode="clip")


@dataclass(frozen=True)
class _Lines:
    """Lines ready to be evaluated.

    Args:
        starts: where each line begins; the first one is continued below.
        levels: the map there.
        slopes: of each line.
    """

    starts: Floats
    levels: Floats
    slopes: Floats

    @classmethod
    def through(cls, inputs: Sequence[float], outputs: Sequence[float]) -> "_Lines":
        """The lines through the knots."""
        knots, levels = np.array(inputs, dtype=float), np.array(outputs, dtype=float)
        return cls(knots[:-1], levels[:-1], np.diff(levels) / np.diff(knots))

    def apply(self, channel: NDArray[Any], out: Floats32) -> None:
        """Map one channel into `out`, block by block, computed in float64."""
        find = _choose_search(self.starts[1:])
        # Infinity times a slope of 0 is NaN, which needs no warning.
        with (
            np.errstate(invalid="ignore", over="ignore"),
            blocks(channel, out=out, dtypes=[np.float64, np.float32]) as each_block,
        ):
            for voxels, mapped in each_block:
                line = find(voxels)
                above = voxels - self.starts.take(line)
                above *= self.slopes.take(line)
                np.add(above, self.levels.take(line), out=mapped, casting="same_kind")

    def apply_tensor(self, channel: "Tensor", out: "Tensor") -> None:
        """Map one channel of a tensor into `out`, on its device."""
        import torch  # noqa: PLC0415 - a tensor has imported it

        precise = torch.float32 if channel.device.type == "mps" else torch.float64
        starts, levels, slopes = (
            torch.as_tensor(values, dtype=precise, device=channel.device)
            for values in (self.starts, self.levels, self.slopes)
        )
        voxels = channel.to(precise)
        line = torch.bucketize(voxels, starts[1:], right=True)
        out.copy_((voxels - starts[line]).mul_(slopes[line]).add_(levels[line]))


def _choose_search(bends: Floats) -> Callable[[Floats], NDArray[np.intp]]:
    """The fastest way to find how many of the `bends` are at or below each voxel."""
    if bends.size <= _FEW:
        return lambda voxels: _count(bends, voxels)
    table = _Buckets.of(bends)
    if table.depth <= _CROWDED:
        return table.find
    return lambda voxels: np.searchsorted(bends, voxels, side="right")


def _count(bends: Floats, voxels: Floats) -> NDArray[np.intp]:
    count = np.zeros(voxels.shape, dtype=np.uint8)
    for bend in bends:
        count += voxels >= bend
    return count.astype(np.intp)


@dataclass(frozen=True)
class _Buckets:
    """A search that begins near the right place: at the bends below a bucket.

    Args:
        low: where the first bucket begins.
        per_unit: buckets in a unit of intensity.
        first: bends certainly below each bucket.
        depth: bends, at most, that may be below a voxel besides those.
        bends: ascending, and NaN.
    """

    low: float
    per_unit: float
    first: NDArray[np.intp]
    depth: int
    bends: Floats

    @classmethod
    def of(cls, bends: Floats) -> "_Buckets":
        """Divide the range of `bends` into equal buckets.

        Rounding may take a voxel to a neighbouring bucket; so the search begins one
        bucket lower and ends one higher.
        """
        low, high = float(bends[0]), float(bends[-1])
        edges = np.linspace(low, high, _BUCKETS + 1)
        below = np.searchsorted(bends, edges).astype(np.intp)
        first = np.concatenate([[0, 0], below[1:-2]])
        last = np.concatenate([below[2:-1], [bends.size, bends.size]])
        return cls(
            low=low,
            per_unit=_BUCKETS / (high - low),
            first=first,
            depth=int((last - first).max()),
            bends=np.append(bends, np.nan),  # no voxel is above it
        )

    def find(self, voxels: Floats) -> NDArray[np.intp]:
        """The number of bends at or below each voxel."""
        bucket = (voxels - self.low) * self.per_unit
        # fmax and fmin ignore NaN: it falls into some bucket, and its result stays NaN.
        np.fmax(np.fmin(bucket, _BUCKETS - 1, out=bucket), 0, out=bucket)
        line = self.first.take(bucket.astype(np.intp))
        for _ in range(self.depth):
            line += voxels >= self.bends.take(line)
        return line
