"""Statistics of a whole volume, and inference with them, tile by tile.

Every function expects `frozen_statistics` around it.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medinorm.layers.norms.thumbnail_instance import (
    Observer,
    ThumbnailInstanceNorm3d,
    freeze_from_first_input,
    observed,
)
from medinorm.layers.statistics.moments import Moments, moments
from medinorm.layers.tiled_inference.field_of_view import Predictor, Steps
from medinorm.layers.tiled_inference.tiles import Shape, Tile, choose_tiles, part_of

_log = logging.getLogger(__name__)

SUSPICIOUS_RATIO = 2.0


class _Reached(Exception):  # noqa: N818 - it ends a pass early, nothing is wrong
    """The layer that is being measured has seen its input."""


@torch.no_grad()
def freeze_from_tiles(
    network: nn.Module,
    predict: Predictor,
    volume: Tensor,
    batches: Sequence[Sequence[Tile]],
    steps: Steps | None = None,
) -> None:
    """Freeze the pooled statistics of tiles, one layer after the other.

    Each layer is measured on the output of the frozen layers before it. For that, all
    batches pass once for each layer, up to that layer; a single batch passes only once.
    The surroundings of a tile pass too, but are not measured. The statistics are exact
    if the tiles make up the volume and their surroundings cover the field of view.

    Args:
        network: holds the layers.
        predict: runs the network.
        volume: ``(1, C, ...)``.
        batches: tiles that pass together; their crops have the same shape.
        steps: of the network (`measure_steps`), to find the tiles in coarser features;
            without them they are located by the shape of the features.

    Raises:
        ValueError: a layer has several places in the network.
    """
    if len(batches) == 1:
        with _observed_once(network, _freezing(batches[0], steps)):
            predict(_crops(volume, batches[0]))
        return
    first, *others = batches
    while measured := _measure_next_layer(network, predict, volume, first, steps):
        for batch in others:
            measured += _measure_next_layer(network, predict, volume, batch, steps)
        layer = measured[0][0]
        layer.freeze(Moments.merge(*(own for _, own in measured)))


def _measure_next_layer(
    network: nn.Module,
    predict: Predictor,
    volume: Tensor,
    batch: Sequence[Tile],
    steps: Steps | None,
) -> list[tuple[ThumbnailInstanceNorm3d, Moments]]:
    """The first layer that is not frozen, and the moments of tiles there, if any."""
    measured: list[tuple[ThumbnailInstanceNorm3d, Moments]] = []

    def measure(layer: ThumbnailInstanceNorm3d, x: Tensor) -> None:
        if not layer.is_frozen:
            measured.append((layer, _measure(layer, x, batch, steps)))
            raise _Reached

    try:
        with _observed_once(network, measure):
            predict(_crops(volume, batch))
    except _Reached:
        pass
    return measured


def _crops(volume: Tensor, batch: Sequence[Tile]) -> Tensor:
    """The tiles of a batch, with what surrounds them."""
    parts = [part_of(volume, tile.crop) for tile in batch]
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def _freezing(batch: Sequence[Tile], steps: Steps | None) -> Observer:
    """An observer that freezes the statistics of the tiles that pass."""

    def freeze(layer: ThumbnailInstanceNorm3d, x: Tensor) -> None:
        layer.freeze(_measure(layer, x, batch, steps))

    return freeze


def _measure(
    layer: nn.Module, x: Tensor, batch: Sequence[Tile], steps: Steps | None
) -> Moments:
    """Pooled moments of the cores of tiles in the features of their crops."""
    step = None if steps is None else steps[layer]
    shape = tuple(x.shape[2:])
    parts = [
        moments(part_of(x[n : n + 1], tile.inner(shape, step))).times(tile.weight)
        for n, tile in enumerate(batch)
    ]
    return Moments.merge(*parts)


@contextmanager
def _observed_once(network: nn.Module, observer: Observer) -> Iterator[None]:
    """As `observed`, for one pass, in which a layer must not occur again."""
    seen: set[nn.Module] = set()

    def observe(layer: ThumbnailInstanceNorm3d, x: Tensor) -> None:
        if layer in seen:
            raise ValueError(
                "a ThumbnailInstanceNorm3d has several places in the network, but one "
                "memory for statistics: give each place a layer of its own"
            )
        seen.add(layer)
        observer(layer, x)

    with observed(network, observe):
        yield


@torch.no_grad()
def freeze_from_strided(
    network: nn.Module, predict: Predictor, volume: Tensor, window: Shape
) -> None:
    """Freeze the statistics of a thumbnail that takes every k-th voxel.

    The thumbnail is not averaged: averaging removes noise, and with it variance.
    A tile at full resolution is compared with the frozen statistics; if they differ
    much there is a warning.

    Args:
        network: holds the layers.
        predict: runs the network.
        volume: ``(1, C, ...)``, at least as large as a window.
        window: shape of the thumbnail.
    """
    thumbnail = volume
    for axis, length in enumerate(window, start=2):
        step = volume.shape[axis] // length
        spare = (volume.shape[axis] - 1) // step + 1 - length
        every = torch.arange(0, volume.shape[axis], step)[spare // 2 :][:length]
        thumbnail = thumbnail.index_select(axis, every.to(volume.device))
    with _observed_once(network, freeze_from_first_input):
        predict(thumbnail)
    none, ones = (0,) * len(window), (1,) * len(window)
    (middle,) = choose_tiles(tuple(volume.shape[2:]), window, none, ones, count=1)
    ratio = _compare(network, predict, part_of(volume, middle.crop))
    if not 1 / SUSPICIOUS_RATIO < ratio < SUSPICIOUS_RATIO:
        _log.warning(
            "features of a full-resolution tile have %.2g times the standard deviation "
            "of those of the strided volume: statistics from tiles may be better",
            ratio,
        )


def _compare(network: nn.Module, predict: Predictor, tile: Tensor) -> float:
    """Standard deviation of a tile's features, as a multiple of the frozen one."""
    logs: list[float] = []

    def compare(layer: ThumbnailInstanceNorm3d, x: Tensor) -> None:
        if layer.frozen_variance is not None:
            own = moments(x).pool(0).variance + layer.eps
            logs.append(float((own / (layer.frozen_variance + layer.eps)).log().mean()))

    with observed(network, compare):
        predict(tile)
    return math.exp(0.5 * sum(logs) / len(logs)) if logs else 1.0


@torch.no_grad()
def predict_tiles(
    predict: Predictor, volume: Tensor, tiles: Sequence[Tile], device: torch.device
) -> Tensor:
    """Run the network on each tile with its surroundings and keep the tile.

    Args:
        predict: runs the network.
        volume: ``(1, C, ...)``, may be longer than what the tiles make up.
        tiles: from `cut_tiles`.
        device: of the result.

    Raises:
        ValueError: the output is not one tensor on the grid of the input.
    """
    shape = tuple(core.stop for core in tiles[-1].core)
    whole = torch.empty(0)
    for tile in tiles:
        output = predict(part_of(volume, tile.crop))
        if not isinstance(output, Tensor) or tuple(output.shape[2:]) != tile.shape:
            raise ValueError(
                "windows with surroundings need a network with one output on the "
                "input's grid; set surroundings=False"
            )
        if not whole.numel():
            size = (*output.shape[:2], *shape)
            whole = torch.empty(size, dtype=output.dtype, device=device)
        part_of(whole, tile.core).copy_(part_of(output, tile.inner(tile.shape)))
    return whole


@torch.no_grad()
def predict_at_once(
    network: nn.Module,
    predict: Predictor,
    volume: Tensor,
    whole: Tile,
    steps: Steps,
    device: torch.device,
) -> Tensor:
    """Run the network on the whole volume; what pads it is not measured.

    Args:
        network: holds the layers.
        predict: runs the network.
        volume: ``(1, C, ...)``, padded at the end.
        whole: the volume in the padded one.
        steps: of the network.
        device: of the result.

    Raises:
        ValueError: as `freeze_from_tiles` and `predict_tiles`.
    """
    with _observed_once(network, _freezing([whole], steps)):
        return predict_tiles(predict, volume, [whole], device)


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
