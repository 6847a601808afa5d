"""Test-time adaptation: what a network may learn from unlabelled scans of a domain."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medinorm.layers import Tent, adapt_batch_statistics
from medinorm.train.dataset import pad_to
from medinorm.train.model import ModelCard

Images = Iterable[NDArray[Any]]
Adapt = Callable[[nn.Module, Images, ModelCard], nn.Module]


@dataclass(frozen=True)
class Adaptation:
    """A way to adapt a trained network to one domain.

    Args:
        text: what it does, in the words of a paper.
        norms: the norms whose networks it can adapt; empty: all norms.
        learns: whether it reads the unlabelled scans of the domain.
        adapt: takes a network, harmonized images of the domain and the network's card,
            and gives the network that predicts.
    """

    text: str
    norms: tuple[str, ...]
    learns: bool
    adapt: Adapt


_DECLARED: dict[str, Adaptation] = {}

ADAPTATIONS: Mapping[str, Adaptation] = MappingProxyType(_DECLARED)
"""The adaptations by name."""


def adaptation(
    name: str, text: str, *, norms: tuple[str, ...], learns: bool = True
) -> Callable[[Adapt], Adapt]:
    """Declare the function below as an adaptation, see `Adaptation`.

    The arguments must be literals: the configuration reads them from the text of this
    file, because importing it would import torch.
    """

    def declare(adapt: Adapt) -> Adapt:
        _DECLARED[name] = Adaptation(text, norms, learns, adapt)
        return adapt

    return declare


@adaptation("none", "the network as it was trained", norms=(), learns=False)
def _keep(network: nn.Module, _images: Images, _card: ModelCard) -> nn.Module:
    return network


@adaptation(
    "batch_statistics",
    "the statistics of batch normalization estimated anew on the unlabelled test scans "
    "of each domain",
    norms=("batch",),
)
def _estimate_statistics(
    network: nn.Module, images: Images, card: ModelCard
) -> nn.Module:
    return adapt_batch_statistics(network, _batches(network, images, card))


@adaptation(
    "tent",
    "gains and offsets of batch normalization adapted to the unlabelled test scans of "
    "each domain by entropy minimization (TENT)",
    norms=("batch",),
)
def _minimize_entropy(network: nn.Module, images: Images, card: ModelCard) -> nn.Module:
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
