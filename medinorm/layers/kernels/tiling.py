"""How a tensor is cut for the programs of a CUDA device."""

from dataclasses import dataclass
from math import prod
from typing import Self

from torch import Tensor

from medinorm.layers.statistics.blocks import is_channels_last

# Values of a tile: 16 for each of the 128 threads of a program, in registers.
TILE = 2048
# Programs of a grid: about as many as the 132 processors of an H100 hold at a time.
PROGRAMS = 2048
# Bytes that are fetched from memory together.
CACHE_LINE = 128


@dataclass(frozen=True)
class Tiling:
    """Sizes, strides and tiles of a tensor ``(N, C, ...)``.

    Args:
        samples: :math:`N`.
        channels: :math:`C`.
        voxels: :math:`V`.
        strides: elements from a sample, a channel and a voxel to the next.
        tile: voxels and channels of a tile, powers of two.
        steps: tiles of a chunk; one program works through one chunk.
    """

    samples: int
    channels: int
    voxels: int
    strides: tuple[int, int, int]
    tile: tuple[int, int]
    steps: int

    @classmethod
    def of(cls, x: Tensor) -> Self:
        """Tiling of a tensor that is contiguous or has its channels innermost.

        Examples:
            >>> import torch
            >>> x = torch.zeros(1, 4, 2, 3, 5)
            >>> Tiling.of(x).strides, Tiling.of(x).tile
            ((120, 30, 1), (32, 1))
            >>> last = Tiling.of(x.to(memory_format=torch.channels_last_3d))
            >>> last.strides, last.tile
            ((120, 1, 4), (32, 4))
        """
        samples, channels = x.shape[:2]
        voxels = prod(x.shape[2:])
        width, strides = 1, (channels * voxels, voxels, 1)
        if is_channels_last(x):
            strides = (channels * voxels, 1, channels)
            line = CACHE_LINE // x.element_size()
            width = min(next_power_of_two(channels), line)
        height = min(next_power_of_two(voxels), max(1, TILE // width))
        tiles = -(-voxels // height) * samples * -(-channels // width)
        steps = max(1, min(-(-voxels // height), tiles // PROGRAMS))
        return cls(samples, channels, voxels, strides, (height, width), steps)

    @property
    def chunk_voxels(self) -> int:
        """Voxels of a chunk; the last chunk may have fewer."""
        return self.steps * self.tile[0]

    @property
    def chunks(self) -> int:
        """Chunks into which the voxels of a sample are cut."""
        return -(-self.voxels // self.chunk_voxels)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Programs that go through the tensor."""
        return self.chunks, -(-self.channels // self.tile[1]), self.samples

    @property
    def rows(self) -> tuple[int, int]:
        """Programs that go through the statistics, one each."""
        return self.channels, self.samples


def next_power_of_two(number: int) -> int:
    """Smallest power of two that is not below `number`.

    Examples:
        >>> [next_power_of_two(n) for n in (1, 2, 3, 8)]
        [1, 2, 4, 8]
    """
    return 1 << (number - 1).bit_length()
