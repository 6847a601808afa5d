"""Statistics of a whole volume, and inference with them, without ever holding it all.

Every function expects `frozen_statistics` around it.
"""

import logging
import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medinorm.layers.moments import Moments, moments
from medinorm.layers.thumbnail_instance import (
    ThumbnailInstanceNorm3d,
    freeze_at_first_sight,
    observed,
    thumbnail_layers,
)
from medinorm.layers.tiles import Shape, Tile, Window, spread_tiles

_log = logging.getLogger(__name__)

Predictor = Callable[[Tensor], Any]

LARGEST_FIELD = 64  # tiles of `align` voxels; beyond, a network counts as not local
SUSPICIOUS_RATIO = 2.0


class _Reached(Exception):  # noqa: N818 - it ends a pass early, nothing is wrong
    """The layer that is being measured has seen its input."""


@torch.no_grad()
def freeze_from_tiles(
    network: nn.Module, predict: Predictor, volume: Tensor, tiles: list[Tile]
) -> None:
    """Freeze the pooled statistics of a few tiles at full resolution.

    The tiles pass together, so that deeper layers are measured on what the frozen ones
    before them give. What surrounds a tile passes too, but is not measured.

    Args:
        network: holds the layers.
        predict: runs the network.
        volume: ``(1, C, ...)``.
        tiles: with crops of the same shape (`spread_tiles`).
    """

    def measure(layer: ThumbnailInstanceNorm3d, x: Tensor) -> None:
        if not layer.is_frozen:
            shape = tuple(x.shape[2:])
            parts = [
                moments(_part(x[n : n + 1], tile.inner(shape, exact=False)))
                for n, tile in enumerate(tiles)
            ]
            layer.freeze(Moments.merge(*parts))

    with observed(network, measure):
        predict(torch.cat([_part(volume, tile.crop) for tile in tiles]))


@torch.no_grad()
def freeze_from_strided(
    network: nn.Module, predict: Predictor, volume: Tensor, window: Shape
) -> None:
    """Freeze the statistics of a thumbnail that takes every k-th voxel.

    Never of an averaged thumbnail: averaging removes the noise, and the spread with it.
    A tile at full resolution is compared with the frozen statistics; if they differ
    much there is a warning.

    Args:
        network: holds the layers.
        predict: runs the network.
        volume: ``(1, C, ...)``, at least as large as a window.
        window: shape of the thumbnail.
    """
    thumbnail = volume
    for axis, part in enumerate(window, start=2):
        step = volume.shape[axis] // part
        spare = (volume.shape[axis] - 1) // step + 1 - part
        every = torch.arange(0, volume.shape[axis], step)[spare // 2 :][:part]
        thumbnail = thumbnail.index_select(axis, every.to(volume.device))
    with observed(network, freeze_at_first_sight):
        predict(thumbnail)
    none = (0,) * len(window)
    (middle,) = spread_tiles(tuple(volume.shape[2:]), window, none, align=1, count=1)
    ratio = _compare(network, predict, _part(volume, middle.crop))
    if not 1 / SUSPICIOUS_RATIO < ratio < SUSPICIOUS_RATIO:
        _log.warning(
            "features of a full-resolution tile spread %.2g times as far as those of "
            "the strided volume: statistics from tiles may be better",
            ratio,
        )


def _compare(network: nn.Module, predict: Predictor, tile: Tensor) -> float:
    """Spread of the features of a tile, as a multiple of the frozen ones."""
    logs: list[float] = []

    def compare(layer: ThumbnailInstanceNorm3d, x: Tensor) -> None:
        if layer.frozen_variance is not None:
            own = moments(x).pool(0).variance + layer.eps
            logs.append(float((own / (layer.frozen_variance + layer.eps)).log().mean()))

    with observed(network, compare):
        predict(tile)
    return math.exp(0.5 * sum(logs) / len(logs)) if logs else 1.0


@torch.no_grad()
def freeze_exactly(
    network: nn.Module, predict: Predictor, volume: Tensor, tiles: list[Tile]
) -> None:
    """Freeze the statistics of all tiles, one layer after the other.

    The result is that of the whole volume. All tiles pass once for each layer, up to
    that layer.

    Args:
        network: holds the layers.
        predict: runs the network.
        volume: ``(1, C, ...)``.
        tiles: parts of the volume, with surroundings as wide as the field of view.
    """
    for _ in thumbnail_layers(network):
        found: list[tuple[ThumbnailInstanceNorm3d, Moments]] = []
        for tile in tiles:
            found.extend(_measure_next_layer(network, predict, volume, tile))
        if not found:
            return  # the other layers of the network are never called
        layer = found[0][0]
        layer.freeze(Moments.merge(*(measured for _, measured in found)))


def _measure_next_layer(
    network: nn.Module, predict: Predictor, volume: Tensor, tile: Tile
) -> list[tuple[ThumbnailInstanceNorm3d, Moments]]:
    """The first layer that is not frozen, and the moments of a tile there, if any."""
    found: list[tuple[ThumbnailInstanceNorm3d, Moments]] = []

    def measure(layer: ThumbnailInstanceNorm3d, x: Tensor) -> None:
        if not layer.is_frozen:
            inner = tile.inner(tuple(x.shape[2:]))
            found.append((layer, moments(_part(x, inner))))
            raise _Reached

    try:
        with observed(network, measure):
            predict(_part(volume, tile.crop))
    except _Reached:
        pass
    return found


@torch.no_grad()
def predict_tiles(predict: Predictor, volume: Tensor, tiles: list[Tile]) -> Tensor:
    """Run the network on each tile with its surroundings and keep the tile.

    Raises:
        ValueError: the output is not one tensor on the grid of the input.
    """
    whole: Tensor | None = None
    for tile in tiles:
        part = predict(_part(volume, tile.crop))
        if not isinstance(part, Tensor) or tuple(part.shape[2:]) != tile.shape:
            raise ValueError(
                "exact statistics need a network with one output on the input's grid"
            )
        if whole is None:
            whole = volume.new_empty(
                (*part.shape[:2], *volume.shape[2:]), dtype=part.dtype
            )
        _part(whole, tile.core).copy_(_part(part, tile.inner(tile.shape)))
    if whole is None:
        raise ValueError("the volume has no voxels")
    return whole


@torch.no_grad()
def measure_reach(
    network: nn.Module, predict: Predictor, volume: Tensor, align: int
) -> Shape:
    """How far from a voxel the network's output depends on it, along each axis.

    A block of NaN is put into a thin volume, and what it reaches is counted.

    Args:
        network: holds the layers.
        predict: runs the network.
        volume: ``(1, C, ...)``, only for its channels, axes, dtype and device.
        align: multiple of the network's total stride.

    Returns:
        Voxels, rounded up to multiples of `align`.

    Raises:
        ValueError: everything depends on everything, as with a norm of another kind.
    """
    one = torch.ones(1, 1, dtype=torch.float64, device=volume.device)
    dims = volume.dim() - 2
    for layer in thumbnail_layers(network):
        size = (1, layer.num_features)
        layer.freeze(Moments(one, one.expand(size) * 0, one.expand(size)))
    reach = tuple(_reach_along(predict, volume, align, axis) for axis in range(dims))
    for layer in thumbnail_layers(network):
        layer.thaw()
    return reach


def _reach_along(predict: Predictor, volume: Tensor, align: int, axis: int) -> int:
    """`measure_reach` along one axis."""
    dims = volume.dim() - 2
    around = 2
    while around <= LARGEST_FIELD:
        size = [align] * dims
        size[axis] = (2 * around + 1) * align
        probe = volume.new_zeros(1, volume.shape[1], *size)
        probe.narrow(axis + 2, around * align, align).fill_(torch.nan)
        touched = predict(probe).isnan().movedim(axis + 2, 0).flatten(1).any(1)
        where: list[int] = touched.nonzero().squeeze(1).tolist() or [around * align]
        far = max(around * align - where[0], where[-1] + 1 - (around + 1) * align, 0)
        if far < around * align:
            return math.ceil(far / align) * align
        around *= 2
    raise ValueError(
        "exact statistics need a network whose output depends on a limited "
        "neighbourhood; with other norms that look at the whole input it does not"
    )


def _part(volume: Tensor, window: Window) -> Tensor:
    """The view of a window of all samples and channels."""
    return volume[(slice(None), slice(None), *window)]


def pad_to(volume: Tensor, shape: Shape, mode: str, value: float) -> Tensor:
    """Pad both ends of each axis to at least `shape`, as MONAI does."""
    missing = [
        max(0, wanted - size)
        for size, wanted in zip(volume.shape[2:], shape, strict=True)
    ]
    if not any(missing):
        return volume
    sides = [side for end in reversed(missing) for side in (end // 2, end - end // 2)]
    return F.pad(volume, sides, mode=mode, value=value)
