"""Thumbnail instance normalization at image level: a part of a volume is measured."""

from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from medinorm.choices import SourceName
from medinorm.intensity import LinearMap, Policy, fit_thumbnail
from medinorm.intensity.voxels.kinds import (
    Voxels,
    require_grid,
    to_host,
)
from medinorm.transforms.intensity_transform import IntensityTransform
from medinorm.transforms.on_keys import InvertibleOnKeys
from medinorm.transforms.settings import Settings, require_known
from medinorm.transforms.voxels import require_all_finite


class ThumbnailNormalize(IntensityTransform):
    """The z-score of each channel, measured on a part of the volume.

    A `numpy.memmap` is measured without being read as a whole. The result of a
    transform lies in memory; to write it in slabs see `medinorm.intensity.apply_slabs`.

    Args:
        source: every n-th voxel (``thumbnail``), random cubes (``tiles``) or all voxels
            (``exact``).
        size: voxels along the edge of a thumbnail or tile, at most.
        tiles: number of cubes.
        seed: of their places: the same for every scan.
        settings: foreground and other choices, see `Settings`; not ``largest``.

    Examples:
        >>> import torch
        >>> volume = torch.randn(1, 64, 64, 64, generator=torch.manual_seed(0)) + 5
        >>> ThumbnailNormalize(size=16, foreground="image")(volume).mean().abs() < 0.1
        metatensor(True)
    """

    def __init__(
        self,
        source: SourceName = "thumbnail",
        size: int = 128,
        tiles: int = 8,
        seed: int = 0,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(**settings)
        require_known("source", source, SourceName)
        self.source, self.size, self.tiles, self.seed = source, size, tiles, seed

    def fit(self, voxels: Voxels, policy: Policy, mask: Voxels | None) -> LinearMap:
        """The z-score of a scan."""
        volume = to_host(voxels)
        if policy.nonfinite == "refuse":  # wherever they are, not only where measured
            require_all_finite(volume)
        each = None if mask is None else _for_channels(to_host(mask), volume)
        return fit_thumbnail(
            volume,
            policy,
            each,
            source=self.source,
            size=self.size,
            tiles=self.tiles,
            seed=self.seed,
        )


def _for_channels(mask: NDArray[Any], volume: NDArray[Any]) -> NDArray[Any]:
    """A mask for each channel, without a copy."""
    each = mask[np.newaxis] if mask.ndim < volume.ndim else mask
    require_grid(each[0], volume[0])
    if len(each) not in {1, len(volume)}:
        require_grid(each, volume)
    return np.broadcast_to(each, volume.shape)


class ThumbnailNormalized(InvertibleOnKeys):
    """`ThumbnailNormalize` for items of a dictionary."""

    array_transform = ThumbnailNormalize
