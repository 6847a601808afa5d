"""Where the tiles of a volume lie."""

import math
from dataclasses import dataclass
from itertools import product

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

    def inner(self, shape: Shape) -> Window:
        """Where the core lies in features of the crop, which may be coarser.

        Args:
            shape: of the features.

        Raises:
            ValueError: the features' grid does not fit into the tile's.
        """
        window = []
        for core, crop, size in zip(self.core, self.crop, shape, strict=True):
            length = crop.stop - crop.start
            ends = [(core.start - crop.start) * size, (core.stop - crop.start) * size]
            if any(end % length for end in ends):
                raise ValueError(
                    "tiles do not fit the network's levels: let align be a multiple of "
                    "its total stride, and pad the volume to a multiple of that"
                )
            window.append(slice(ends[0] // length, ends[1] // length))
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


def spread_windows(shape: Shape, window: Shape, count: int) -> list[Window]:
    """Choose a few windows of equal shape, spread evenly over a volume.

    Args:
        shape: of the volume, at least that of a window.
        window: shape of a window.
        count: how many; fewer if the volume does not hold so many.

    Examples:
        >>> [w[0] for w in spread_windows((10,), (4,), 2)]
        [slice(0, 4, None), slice(6, 10, None)]
    """
    starts = []
    for size, part in zip(shape, window, strict=True):
        steps = math.ceil(size / part)
        last = size - part
        starts.append([round(i * last / max(1, steps - 1)) for i in range(steps)])
    corners = list(product(*starts))
    count = min(count, len(corners))
    chosen = [corners[int((i + 0.5) * len(corners) / count)] for i in range(count)]
    return [
        tuple(slice(c, c + part) for c, part in zip(corner, window, strict=True))
        for corner in chosen
    ]
