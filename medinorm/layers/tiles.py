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
    """

    core: Window
    crop: Window

    @property
    def shape(self) -> Shape:
        """Voxels of the crop along each axis."""
        return tuple(crop.stop - crop.start for crop in self.crop)

    def inner(self, shape: Shape, *, exact: bool = True) -> Window:
        """Where the core lies in features of the crop, which may be coarser.

        Args:
            shape: of the features.
            exact: refuse a grid that does not fit; otherwise round outwards.

        Raises:
            ValueError: the features' grid does not fit into the tile's.
        """
        window = []
        for core, crop, size in zip(self.core, self.crop, shape, strict=True):
            length = crop.stop - crop.start
            ends = [(core.start - crop.start) * size, (core.stop - crop.start) * size]
            if exact and any(end % length for end in ends):
                raise ValueError(
                    "tiles do not fit the network's levels: cut them at multiples of "
                    "its total stride"
                )
            window.append(slice(ends[0] // length, -(-ends[1] // length)))
        return tuple(window)


def cut_tiles(shape: Shape, core: Shape, halo: Shape) -> list[Tile]:
    """Cut a volume into parts that do not overlap, with overlapping surroundings.

    Args:
        shape: of the volume.
        core: largest shape of a part.
        halo: voxels around a part; less at the border of the volume.

    Examples:
        >>> for tile in cut_tiles((10,), (4,), (2,)):
        ...     print(tile.core[0].start, tile.core[0].stop, tile.shape)
        0 4 (6,)
        4 8 (8,)
        8 10 (4,)
    """
    starts = [range(0, size, part) for size, part in zip(shape, core, strict=True)]
    tiles = []
    for corner in product(*starts):
        limits = list(zip(corner, shape, core, halo, strict=True))
        inner = tuple(slice(c, min(c + part, size)) for c, size, part, _ in limits)
        outer = tuple(
            slice(max(0, c - edge), min(c + part + edge, size))
            for c, size, part, edge in limits
        )
        tiles.append(Tile(inner, outer))
    return tiles


def spread_tiles(
    shape: Shape, core: Shape, halo: Shape, stride: Shape, count: int
) -> list[Tile]:
    """Choose a few tiles of `cut_tiles`, spread evenly, with crops of one shape.

    Args:
        shape: of the volume, at least that of a core.
        core: largest shape of a part.
        halo: voxels around it, multiples of `stride`.
        stride: crops start at multiples of this, as far as the volume allows.
        count: how many; fewer if the volume does not hold so many.

    Examples:
        >>> for tile in spread_tiles((10,), (4,), (0,), stride=(1,), count=3):
        ...     print(tile.core[0].start, tile.core[0].stop, tile.crop[0].start)
        4 8 4
        0 4 0
        8 10 6
    """
    parts = [math.ceil(size / part) for size, part in zip(shape, core, strict=True)]
    tiles = []
    for cell in _spread_cells(parts, min(count, math.prod(parts))):
        inner, outer = [], []
        axes = zip(cell, shape, core, halo, stride, strict=True)
        for place, size, part, edge, step in axes:
            length = min(size, part + 2 * edge)
            start = place * part
            last = (size - length) // step * step
            first = min(max(0, start - edge), last)
            first = max(first, min(start + part, size) - length)
            inner.append(slice(start, min(start + part, size)))
            outer.append(slice(first, first + length))
        tiles.append(Tile(tuple(inner), tuple(outer)))
    return tiles


def _spread_cells(parts: list[int], count: int) -> list[Shape]:
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
