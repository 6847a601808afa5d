"""Statistics of a whole volume, and inference with them, without ever holding it all.

Every function expects `frozen_statistics` around it.
"""

import logging
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medinorm.layers.field_of_view import Predictor
from medinorm.layers.moments import Moments, moments
from medinorm.layers.thumbnail_instance import (
    ThumbnailInstanceNorm3d,
    freeze_at_first_sight,
    observed,
    thumbnail_layers,
)
from medinorm.layers.tiles import Shape, Tile, part_of, spread_tiles

_log = logging.getLogger(__name__)

SUSPICIOUS_RATIO = 2.0


class _Reached(Exception):  # noqa: N818 - it ends a pass early, nothing is wrong
    """The layer that is being measured has seen its input."""


@torch.no_grad()
def freeze_from_tiles(
    network: nn.Module,
    predict: Predictor,
    volume: Tensor,
    tiles: list[Tile],
    weights: Tensor,
) -> None:
    """Freeze the pooled statistics of a few tiles at full resolution.

    The tiles pass together, so that deeper layers are measured on what the frozen ones
    before them give. What surrounds a tile passes too, but is not measured.

    Args:
        network: holds the layers.
        predict: runs the network.
        volume: ``(1, C, ...)``.
        tiles: with crops of the same shape (`spread_tiles`).
        weights: how often each tile counts (`calibrate`).
    """

    def measure(layer: ThumbnailInstanceNorm3d, x: Tensor) -> None:
        if not layer.is_frozen:
            shape = tuple(x.shape[2:])
            parts = [
                moments(part_of(x[n : n + 1], tile.inner(shape, exact=False))).times(w)
                for n, (tile, w) in enumerate(zip(tiles, weights, strict=True))
            ]
            layer.freeze(Moments.merge(*parts))

    with observed(network, measure):
        predict(torch.cat([part_of(volume, tile.crop) for tile in tiles]))


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
    none, ones = (0,) * len(window), (1,) * len(window)
    (middle,) = spread_tiles(tuple(volume.shape[2:]), window, none, ones, count=1)
    ratio = _compare(network, predict, part_of(volume, middle.crop))
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
            found.append((layer, moments(part_of(x, inner))))
            raise _Reached

    try:
        with observed(network, measure):
            predict(part_of(volume, tile.crop))
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
        part = predict(part_of(volume, tile.crop))
        if not isinstance(part, Tensor) or tuple(part.shape[2:]) != tile.shape:
            raise ValueError(
                "windows with surroundings need a network with one output on the "
                "input's grid; set surroundings=False"
            )
        if whole is None:
            whole = volume.new_empty(
                (*part.shape[:2], *volume.shape[2:]), dtype=part.dtype
            )
        part_of(whole, tile.core).copy_(part_of(part, tile.inner(tile.shape)))
    if whole is None:
        raise ValueError("the volume has no voxels")
    return whole


def pad_to_stride(volume: Tensor, stride: Shape) -> Tensor:
    """Repeat the last voxels of each axis up to a multiple of `stride`."""
    sizes = zip(volume.shape[2:], stride, strict=True)
    missing = [-size % step for size, step in sizes]
    if not any(missing):
        return volume
    sides = [side for end in reversed(missing) for side in (0, end)]
    return F.pad(volume, sides, mode="replicate")


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
