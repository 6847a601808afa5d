"""Where the tiles of a volume lie."""

import math
from dataclasses import dataclass
from itertools import product

from torch import Tensor

Shape = tuple[int, ...]
Window = tuple[slice, ...]


@dataclass(frozen=True)
class Tile:
    """A part of a volume that is computed with its surroundings.

    Args:
        core: the part, in the volume.
        crop: the part and what surrounds it, in the volume.
        weight: how often the part counts in statistics.
    """

    core: Window
    crop: Window
    weight: float = 1.0

    @property
    def shape(self) -> Shape:
        """Voxels of the crop along each axis."""
        return tuple(crop.stop - crop.start for crop in self.crop)

    def inner(self, shape: Shape, step: Shape | None = None) -> Window:
        """Where the core lies in features of the crop, which may be coarser.

        A feature that is partly in the core counts as inside.

        Args:
            shape: of the features.
            step: voxels of the crop that a feature spans; otherwise taken from `shape`,
                which is right as far as it divides the crop.

        Raises:
            ValueError: features of this step do not fit into the tile.
        """
        steps = step or (None,) * len(shape)
        axes = zip(self.core, self.crop, shape, steps, strict=True)
        return tuple(_inner(core, crop, size, each) for core, crop, size, each in axes)


def _inner(core: slice, crop: slice, size: int, step: int | None) -> slice:
    """`Tile.inner` along one axis."""
    length = crop.stop - crop.start
    if step is not None and not fits(length, size, step):
        raise ValueError(
            f"tiles do not fit the network's levels: {length} voxels became {size} "
            f"features, one for {step} voxels"
        )
    voxels, features = (length, size) if step is None else (step, 1)
    start, stop = core.start - crop.start, core.stop - crop.start
    return slice(
        start * features // voxels, min(math.ceil(stop * features / voxels), size)
    )


def fits(length: int, size: int, step: int) -> bool:
    """Whether features span `step` voxels each, or fewer at the end.

    Args:
        length: voxels along an axis.
        size: features along it.
        step: voxels of a feature.
    """
    return length // step <= size <= math.ceil(length / step)


def cut_tiles(
    shape: Shape,
    core: Shape,
    halo: Shape,
    stride: Shape | None = None,
    room: Shape | None = None,
) -> list[Tile]:
    """Cut a volume into parts that do not overlap, with overlapping surroundings.

    Args:
        shape: of the volume.
        core: shape of a part, multiples of `stride`.
        halo: voxels around a part; less at the border.
        stride: an end shorter than this belongs to the part before it.
        room: what surroundings may be taken from: the volume and what pads its end.

    Examples:
        >>> for tile in cut_tiles((10,), (4,), (2,)):
        ...     print(tile.core[0].start, tile.core[0].stop, tile.shape)
        0 4 (6,)
        4 8 (8,)
        8 10 (4,)
    """
    axes = _cut_axes(shape, core, stride or (1,) * len(shape))
    surround = list(zip(halo, shape, room or shape, strict=True))
    return [
        Tile(inner, tuple(_crop(p, *s) for p, s in zip(inner, surround, strict=True)))
        for inner in product(*axes)
    ]


def _crop(core: slice, edge: int, whole: int, room: int) -> slice:
    """A part of an axis and its surroundings; the last part takes all the room."""
    end = room if core.stop == whole else min(core.stop + edge, room)
    return slice(max(0, core.start - edge), end)


def _cut_axes(shape: Shape, core: Shape, stride: Shape) -> list[list[slice]]:
    """The parts of each axis."""
    axes = []
    for size, length, step in zip(shape, core, stride, strict=True):
        starts = range(0, max(size // step * step, 1), length)
        stops = [*starts[1:], size]
        axes.append([slice(*ends) for ends in zip(starts, stops, strict=True)])
    return axes


def choose_tiles(
    shape: Shape,
    core: Shape,
    halo: Shape,
    stride: Shape,
    count: int,
    room: Shape | None = None,
) -> list[Tile]:
    """Choose a few tiles of `cut_tiles`, evenly distributed, with crops of one shape.

    Args:
        shape: of the volume.
        core: shape of a part.
        halo: voxels around it, multiples of `stride`.
        stride: crops start at multiples of this, as far as the volume allows.
        count: how many; fewer if the volume does not hold so many.
        room: as in `cut_tiles`.

    Examples:
        >>> for tile in choose_tiles((10,), (4,), (0,), stride=(1,), count=3):
        ...     print(tile.core[0].start, tile.core[0].stop, tile.crop[0].start)
        4 8 4
        0 4 0
        8 10 6
    """
    axes = _cut_axes(shape, core, stride)
    parts = [len(axis) for axis in axes]
    tiles = []
    for cell in _choose_cells(parts, min(count, math.prod(parts))):
        inner, outer = [], []
        limits = zip(cell, axes, halo, stride, room or shape, strict=True)
        for place, cores, edge, step, size in limits:
            longest = max(piece.stop - piece.start for piece in cores)
            length = min(size, math.ceil(longest / step) * step + 2 * edge)
            last = (size - length) // step * step
            first = min(max(0, cores[place].start - edge), last)
            first = max(first, cores[place].stop - length)
            inner.append(cores[place])
            outer.append(slice(first, first + length))
        tiles.append(Tile(tuple(inner), tuple(outer)))
    return tiles


def _choose_cells(parts: list[int], count: int) -> list[Shape]:
    """Cells of a grid in an order in which the first few cover it evenly.

    Regular steps through the grid would hit the same rows again and again. The points
    of an additive recurrence do not: their coordinates advance by powers of the root
    of ``x ** (d + 1) = x + 1``.
    """
    dims = len(parts)
    root = 1.5
    for _ in range(50):
        root = (1 + root) ** (1 / (dims + 1))
    cells: dict[Shape, None] = {}
    step = 0
    while len(cells) < count:
        places = ((0.5 + step * root ** -(k + 1)) % 1 for k in range(dims))
        cells[tuple(int(p * n) for p, n in zip(places, parts, strict=True))] = None
        step += 1
    return list(cells)


def part_of(volume: Tensor, window: Window) -> Tensor:
    """The view of a window of all samples and channels."""
    return volume[(slice(None), slice(None), *window)]
