"""A network applied to a whole scan, tile by tile."""

from collections.abc import Mapping, Sequence
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
        conditions: what its conditional layers need; maps have the grid of the
            image, and each tile gets its part of them.
        patch: size of a tile, in voxels.
        settings: overlap of tiles, how many pass at once, statistics.

    Returns:
        Shape ``(1, classes, X, Y, Z)``.
    """
    others = {word: value for word, value in conditions.items() if word not in MAPS}
    for word in MAPS:
        if word in conditions and isinstance(network, ConditionalNetwork):
            network = network.with_map_channel(word)
            image = torch.cat([image, conditions[word].to(image.dtype)], dim=1)
    logits: Tensor = _inferer(network, patch, settings)(image, network, **others)
    return logits


def infer_probabilities(
    network: nn.Module,
    image: Tensor,
    conditions: Mapping[str, Tensor],
    patch: tuple[int, int, int],
    settings: PredictConfig,
    axes: Sequence[int],
) -> Tensor:
    """Class probabilities of one whole scan, averaged over its mirrors if asked for.

    Args:
        network: as the arguments up to `settings` for `infer_logits`.
        image: see there.
        conditions: see there.
        patch: see there.
        settings: see there; `mirror` averages.
        axes: spatial axes of the mirrors, from 0.
    """
    flips = [[2 + axis for axis in axes if chosen >> axis & 1] for chosen in range(8)]
    mirrors = {tuple(flip) for flip in flips} if settings.mirror else {()}
    total = torch.zeros((), device=image.device)
    for flip in sorted(mirrors):
        turned = {
            word: value.flip(flip) if word in MAPS else value
            for word, value in conditions.items()
        }
        logits = infer_logits(network, image.flip(flip), turned, patch, settings)
        total = total + logits.float().softmax(dim=1).flip(flip)
    return total / len(mirrors)


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
