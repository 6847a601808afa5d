"""Test-time adaptation: what a network may learn from unlabelled scans of a scanner."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from medinorm.config import AdaptName
from medinorm.train.dataset import pad_to
from medinorm.train.model import ModelCard

Images = Iterable[NDArray[Any]]
Adaptation = Callable[[nn.Module, Images, ModelCard], nn.Module]


def _keep(network: nn.Module, _images: Images, _card: ModelCard) -> nn.Module:
    return network


def _batch_statistics(network: nn.Module, images: Images, card: ModelCard) -> nn.Module:
    """Estimate the statistics of batch normalization anew (AdaBN).

    References:
        Li et al., "Revisiting batch normalization for practical domain adaptation",
        2016, arXiv:1603.04779.
    """
    device = next(network.parameters()).device
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the average of all tiles, each with equal weight
        layer.train()
    with torch.no_grad():
        for image in images:
            for tile in _tiles(image, card):
                network(tile.to(device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return network.eval()


def _tiles(image: NDArray[Any], card: ModelCard) -> Iterator[Tensor]:
    """An image as tiles the size of a training patch, side by side, one at a time.

    The last tile along an axis ends at the edge and overlaps its neighbour.
    """
    padded = pad_to(image, card.patch)
    starts = [
        sorted({*range(0, size - tile, tile), size - tile})
        for size, tile in zip(padded.shape[1:], card.patch, strict=True)
    ]
    for corner in np.array(np.meshgrid(*starts, indexing="ij")).reshape(3, -1).T:
        window = tuple(
            slice(int(start), int(start) + size)
            for start, size in zip(corner, card.patch, strict=True)
        )
        yield torch.from_numpy(np.array(padded[(slice(None), *window)]))[None]


ADAPTATIONS: Mapping[AdaptName, Adaptation] = {
    "none": _keep,
    "batch_statistics": _batch_statistics,
}
