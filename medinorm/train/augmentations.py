"""What is done to training patches at random, the same for every variant."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from monai.transforms import (
    Compose,
    MapTransform,
    RandFlipd,
    RandGaussianNoised,
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


@augmentation("none", "patches as they are")
def _keep(_on_voxels: Sequence[str]) -> Sequence[MapTransform]:
    return []


@augmentation("flip", "left-right mirror of half of the patches")
def _flip(on_voxels: Sequence[str]) -> Sequence[MapTransform]:
    return [RandFlipd(keys=on_voxels, prob=0.5, spatial_axis=0)]


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
