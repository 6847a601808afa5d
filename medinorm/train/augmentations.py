"""What is done to training patches at random, the same for every variant."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
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
from torch import Tensor

from medinorm.config import TaskConfig, TrainConfig
from medinorm.records.labels import have_sides
from medinorm.train.changes.intensity import CHANGES, RandChangesd
from medinorm.transforms import RandAdaptiveInstanceNormalized, RandScannerContrastd

Make = Callable[[Sequence[str]], Sequence[MapTransform]]
Axes = tuple[int, ...]
Style = Mapping[str, list[float]]  # mean and std of each channel


@dataclass(frozen=True)
class Augmentation:
    """Random transforms of training patches.

    Args:
        text: what they do.
        make: takes the entries of a sample that lie on the voxels of the image, and
            gives the transforms that follow mirrors.
        mirrors: the axes of the mirrors, of R, A and S.
        resamples: whether patches are turned and scaled.
        styles: whether patches get the style of scans of other domains.
    """

    text: str
    make: Make
    mirrors: str = ""
    resamples: bool = False
    styles: bool = False


_DECLARED: dict[str, Augmentation] = {}

AUGMENTATIONS: Mapping[str, Augmentation] = MappingProxyType(_DECLARED)
"""The augmentations by name."""


def augmentation(
    name: str,
    text: str,
    *,
    mirrors: str = "",
    resamples: bool = False,
    styles: bool = False,
) -> Callable[[Make], Make]:
    """Declare the function below as an augmentation, see `Augmentation`.

    The arguments must be literals: the configuration reads them from the text of this
    file, because importing it would import torch.
    """

    def declare(make: Make) -> Make:
        _DECLARED[name] = Augmentation(text, make, mirrors, resamples, styles)
        return make

    return declare


class RandMirrord(RandomizableTransform, MapTransform):  # type: ignore[misc]
    """MONAI's `RandFlipd` for tensors, without a history: a tenth of its time.

    Args:
        keys: entries to mirror together.
        axes: spatial axes, from 0, each with a probability of a half.
    """

    def __init__(self, keys: Sequence[str], axes: Sequence[int]) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self)
        self._axes = axes

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Mirror all entries along the same axes, or none."""
        axes = [1 + axis for axis in self._axes if self.R.rand() < 0.5]
        mirrored = dict(data)
        if axes:
            for key in self.key_iterator(mirrored):
                mirrored[key] = torch.flip(mirrored[key], axes)
        return mirrored


@augmentation("none", "patches as they are")
def _keep(_on_voxels: Sequence[str]) -> Sequence[MapTransform]:
    return []


@augmentation("flip", "left-right mirror of half of the patches", mirrors="R")
def _flip(_on_voxels: Sequence[str]) -> Sequence[MapTransform]:
    return []


@augmentation("intensity", "the mirror, and random gain, offset and noise", mirrors="R")
def _vary_intensity(_on_voxels: Sequence[str]) -> Sequence[MapTransform]:
    return [
        RandScaleIntensityd(keys="image", factors=0.1, prob=0.5),
        RandShiftIntensityd(keys="image", offsets=0.1, prob=0.5),
        RandGaussianNoised(keys="image", std=0.1, prob=0.5),
    ]


@augmentation(
    "standard",
    "mirrors, rotation, scaling, noise, blur, brightness, contrast, lower resolution "
    "and gamma, as in nnU-Net",
    mirrors="RAS",
    resamples=True,
)
def _vary_all(_on_voxels: Sequence[str]) -> Sequence[MapTransform]:
    return [RandChangesd(CHANGES)]


@augmentation(
    "scanner",
    "`standard`, and contrast, bias field, noise and slices of other scanners",
    mirrors="RAS",
    resamples=True,
)
def _vary_scanner(_on_voxels: Sequence[str]) -> Sequence[MapTransform]:
    return [RandChangesd(CHANGES), RandScannerContrastd(keys="image", prob=0.5)]


@augmentation(
    "style",
    "`standard`, and mean and standard deviation of patches of the other training "
    "domains",
    mirrors="RAS",
    resamples=True,
    styles=True,
)
def _vary_style(_on_voxels: Sequence[str]) -> Sequence[MapTransform]:
    return [RandChangesd(CHANGES)]


def allow_mirrors(settings: TrainConfig, task: TaskConfig) -> str:
    """The axes along which images may be mirrored, of R, A and S.

    Examples:
        >>> task = TaskConfig(label_values={1: "left_kidney"})
        >>> allow_mirrors(TrainConfig(), task)
        'AS'
        >>> allow_mirrors(TrainConfig(mirror_axes="RA"), task)
        'RA'
    """
    if settings.mirror_axes == "none":
        return ""
    if settings.mirror_axes != "auto":
        return settings.mirror_axes
    return "AS" if have_sides(task.named_labels.values()) else "RAS"


def mirrored_axes(name: str, allowed: str) -> Axes:
    """The spatial axes along which an augmentation mirrors patches, from 0.

    Args:
        name: a key of `AUGMENTATIONS`.
        allowed: axes along which the labels allow it, of R, A and S.

    Examples:
        >>> mirrored_axes("standard", "AS"), mirrored_axes("flip", "AS")
        ((1, 2), ())
    """
    mirrors = AUGMENTATIONS[name].mirrors
    return tuple(
        n for n, axis in enumerate("RAS") if axis in mirrors and axis in allowed
    )


def measure_styles(patches: Iterable[Tensor]) -> list[Style]:
    """Mean and standard deviation of patches, of those that are not constant.

    Args:
        patches: each of shape ``(C, X, Y, Z)``.
    """
    styles: list[Style] = []
    for patch in patches:
        deviation, mean = torch.std_mean(patch.double(), dim=(1, 2, 3))
        if bool((patch.amax(dim=(1, 2, 3)) > patch.amin(dim=(1, 2, 3))).all()):
            styles.append({"mean": mean.tolist(), "std": deviation.tolist()})
    return styles


def compose_augmentation(
    name: str,
    maps: Sequence[str] = (),
    axes: Axes = (0, 1, 2),
    styles: Sequence[Style] = (),
) -> Compose:
    """The random transforms of an augmentation, but for turning and scaling.

    Args:
        name: a key of `AUGMENTATIONS`.
        maps: further entries that lie on the voxels of the image.
        axes: where mirrors are allowed, from 0.
        styles: mean and standard deviation of patches of other domains, for
            augmentations that give patches their style.
    """
    declared, on_voxels = AUGMENTATIONS[name], ("image", "label", *maps)
    mirrored = [axis for axis in mirrored_axes(name, "RAS") if axis in axes]
    mirrors = [RandMirrord(on_voxels, mirrored)] if mirrored else []
    transforms = [*mirrors, *declared.make(on_voxels)]
    if declared.styles and styles:
        transforms.append(
            RandAdaptiveInstanceNormalized(
                keys="image",
                references=list(styles),
                prob=0.5,
                foreground="image",
                constant="zeros",
            )
        )
    return Compose(transforms)
