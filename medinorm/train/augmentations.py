"""What is done to training patches at random, the same for every variant."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from monai.transforms import (
    Compose,
    MapTransform,
    RandGaussianNoised,
    RandomizableTransform,
    RandScaleIntensityd,
    RandShiftIntensityd,
)

Make = Callable[[Sequence[str]], Sequence[MapTransform]]


@dataclass(frozen=True)
class Augmentation:
    """Random transforms of training patches.

    Args:
        text: what they do.
        make: takes the entries of a sample that lie on the voxels of the image, and
            gives the transforms.
    """

    text: str
    make: Make


_DECLARED: dict[str, Augmentation] = {}

AUGMENTATIONS: Mapping[str, Augmentation] = MappingProxyType(_DECLARED)
"""The augmentations by name."""


def augmentation(name: str, text: str) -> Callable[[Make], Make]:
    """Declare the function below as an augmentation, see `Augmentation`.

    The arguments must be literals: the configuration reads them from the text of this
    file, because importing it would import torch.
    """

    def declare(make: Make) -> Make:
        _DECLARED[name] = Augmentation(text, make)
        return make

    return declare


class RandMirrord(RandomizableTransform, MapTransform):  # type: ignore[misc]
    """MONAI's `RandFlipd` for tensors, without a history: a tenth of its time.

    Args:
        keys: entries to mirror together.
        axis: spatial axis, from 0.
        prob: probability of a mirror.
    """

    def __init__(self, keys: Sequence[str], axis: int, prob: float = 0.5) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self._axis = axis

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Mirror all entries, or none."""
        self.randomize(None)
        mirrored = dict(data)
        if self._do_transform:
            for key in self.key_iterator(mirrored):
                mirrored[key] = torch.flip(mirrored[key], (1 + self._axis,))
        return mirrored


@augmentation("none", "patches as they are")
def _keep(_on_voxels: Sequence[str]) -> Sequence[MapTransform]:
    return []


@augmentation("flip", "left-right mirror of half of the patches")
def _flip(on_voxels: Sequence[str]) -> Sequence[MapTransform]:
    return [RandMirrord(on_voxels, axis=0)]


@augmentation("intensity", "the mirror, and random gain, offset and noise")
def _vary_intensity(on_voxels: Sequence[str]) -> Sequence[MapTransform]:
    return [
        *_flip(on_voxels),
        RandScaleIntensityd(keys="image", factors=0.1, prob=0.5),
        RandShiftIntensityd(keys="image", offsets=0.1, prob=0.5),
        RandGaussianNoised(keys="image", std=0.1, prob=0.5),
    ]


def compose_augmentation(name: str, maps: Sequence[str] = ()) -> Compose:
    """The random transforms of an augmentation.

    Args:
        name: a key of `AUGMENTATIONS`.
        maps: further entries that lie on the voxels of the image.
    """
    return Compose(AUGMENTATIONS[name].make(("image", "label", *maps)))
