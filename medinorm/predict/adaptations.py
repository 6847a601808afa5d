"""Test-time adaptation: what a network may learn from unlabelled scans of a domain."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from medinorm.config import PredictConfig, TrainConfig
from medinorm.layers import Tent, adapt_batch_statistics
from medinorm.train.dataset import PatchDataset, TrainingScan, pad_to, scan_of
from medinorm.train.inference import infer_logits
from medinorm.train.model import ModelCard

Images = Iterable[NDArray[Any]]
Adapt = Callable[[nn.Module, Images, ModelCard], nn.Module]

_PATCHES_PER_SCAN = 8  # at least


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
    return adapt_batch_statistics(network, _draw_patches(network, images, card))


@adaptation(
    "tent",
    "gains and offsets of batch normalization adapted to the unlabelled test scans of "
    "each domain by entropy minimization (TENT)",
    norms=("batch",),
)
def _minimize_entropy(network: nn.Module, images: Images, card: ModelCard) -> nn.Module:
    batches = _draw_patches(network, images, card)
    tent = Tent(network, episodic=False)
    for batch in batches:
        tent.adapt(batch)
    # Fixed now: those of the tiles at hand would depend on how many pass at once.
    return adapt_batch_statistics(tent.network, batches)


@dataclass(frozen=True)
class _Batches:
    """Mini-batches on a device, the same in each round."""

    loader: DataLoader[dict[str, Tensor]]
    device: torch.device

    def __iter__(self) -> Iterator[Tensor]:
        for batch in self.loader:
            yield batch["image"].to(self.device)


def _draw_patches(
    network: nn.Module, images: Images, card: ModelCard
) -> Iterable[Tensor]:
    """Mini-batches of patches, drawn from the images as training draws them.

    Statistics depend on where patches lie. Training centres a share of them on labels;
    here the labels are those that the network predicts as it is.
    """
    network.eval()
    scans = [_predicted_scan(network, image, card) for image in images]
    if not scans:
        return ()
    count = sum(_count_patches(scan, card) for scan in scans)
    settings = TrainConfig(
        patch=card.patch,
        batch_size=card.batch_size,
        steps=math.ceil(count / card.batch_size),
        foreground_ratio=card.foreground_ratio,
        foreground_patches="drawn",
    )
    patches = PatchDataset(scans, settings, seed=0)
    device = next(network.parameters()).device
    return _Batches(DataLoader(patches, batch_size=card.batch_size), device)


def _predicted_scan(
    network: nn.Module, image: NDArray[Any], card: ModelCard
) -> TrainingScan:
    """A scan with the labels that the network predicts."""
    padded = pad_to(image, card.patch)
    device = next(network.parameters()).device
    tensor = torch.from_numpy(np.array(padded))[None].to(device)
    with torch.no_grad():
        logits = infer_logits(network, tensor, {}, card.patch, PredictConfig())
    return scan_of(padded, logits.argmax(1)[0].byte().cpu().numpy(), card)


def _count_patches(scan: TrainingScan, card: ModelCard) -> int:
    """As many patches as tiles cover the scan, but enough for steady statistics."""
    axes = zip(scan.label.shape, card.patch, strict=True)
    tiles = math.prod(-(-size // tile) for size, tile in axes)
    return max(int(tiles), _PATCHES_PER_SCAN)
