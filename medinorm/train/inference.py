"""A network applied to a whole scan, tile by tile."""

from collections.abc import Mapping
from typing import Any

import torch
from monai.inferers import SlidingWindowInferer
from torch import Tensor, nn

from medinorm.config import PredictConfig
from medinorm.layers import ConditionalNetwork, ThumbnailSlidingWindowInferer
from medinorm.layers.norms.thumbnail_instance import thumbnail_layers
from medinorm.train.conditions import MAPS


def infer_logits(
    network: nn.Module,
    image: Tensor,
    conditions: Mapping[str, Tensor],
    patch: tuple[int, int, int],
    settings: PredictConfig,
) -> Tensor:
    """Logits of one whole scan.

    Args:
        network: in evaluation mode.
        image: shape ``(1, C, X, Y, Z)``, at least as large as a patch.
        conditions: what its conditional layers are told; maps have the grid of the
            image, and each tile gets its part of them.
        patch: size of a tile, in voxels.
        settings: overlap of tiles, how many go through at once, statistics.

    Returns:
        Shape ``(1, classes, X, Y, Z)``.
    """
    told = dict(conditions)
    maps = [word for word in MAPS if word in told]
    if isinstance(network, ConditionalNetwork):
        network.map_channel = maps[0] if maps else None  # type: ignore[assignment]
    for word in maps:
        image = torch.cat([image, told.pop(word).to(image.dtype)], dim=1)
    try:
        logits: Tensor = _inferer(network, patch, settings)(image, network, **told)
    finally:
        if isinstance(network, ConditionalNetwork):
            network.map_channel = None
    return logits


def _inferer(
    network: nn.Module, patch: tuple[int, int, int], settings: PredictConfig
) -> Any:
    """The inferer that suits the network's norms."""
    options = {
        "sw_batch_size": settings.tiles,
        "overlap": settings.overlap,
        "mode": "gaussian",
    }
    if thumbnail_layers(network):
        return ThumbnailSlidingWindowInferer(
            patch, statistics=settings.statistics, **options
        )
    return SlidingWindowInferer(patch, **options)
