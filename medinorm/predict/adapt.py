"""Test-time adaptation: what a network may learn from unlabelled scans of a domain."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medinorm.choices import AdaptName
from medinorm.layers import Tent, adapt_batch_statistics
from medinorm.train.dataset import pad_to
from medinorm.train.model import ModelCard

Images = Iterable[NDArray[Any]]
Adaptation = Callable[[nn.Module, Images, ModelCard], nn.Module]


def _keep(network: nn.Module, _images: Images, _card: ModelCard) -> nn.Module:
    return network


def _batch_statistics(network: nn.Module, images: Images, card: ModelCard) -> nn.Module:
    return adapt_batch_statistics(network, _batches(network, images, card))


def _tent(network: nn.Module, images: Images, card: ModelCard) -> nn.Module:
    tent = Tent(network, episodic=False)
    for batch in _batches(network, images, card):
        tent.adapt(batch)
    return tent.network


def _batches(network: nn.Module, images: Images, card: ModelCard) -> Iterator[Tensor]:
    """All tiles of all images, on the device of the network."""
    device = next(network.parameters()).device
    for image in images:
        for tile in _tiles(image, card):
            yield tile.to(device)


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
    "tent": _tent,
}
