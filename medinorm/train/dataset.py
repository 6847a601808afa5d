"""Training patches cut from memory-mapped scans; the same patch for the same index."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import (
    Compose,
    RandFlipd,
    RandGaussianNoised,
    RandScaleIntensityd,
    RandShiftIntensityd,
)
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from medinorm.config import TrainConfig
from medinorm.harmonize.stage import harmonized_paths
from medinorm.volume import read_volume

Patch = tuple[int, int, int]

_CENTRES_PER_LABEL = 4096  # enough to centre patches on; keeps large labels small


@dataclass(frozen=True)
class TrainingScan:
    """A harmonized scan, ready to cut patches from.

    Args:
        image: shape ``(C, X, Y, Z)``, float32, usually on disk.
        label: shape ``(X, Y, Z)``, class indices 0 (background), 1, 2, ...
        centres: for each class that occurs, voxels of it, shape ``(n, 3)``.
    """

    image: NDArray[np.float32]
    label: NDArray[np.uint8]
    centres: tuple[NDArray[np.int64], ...]


def read_training_scan(
    harmonized: Path, scan: str, *, label_values: Sequence[int], patch: Patch
) -> TrainingScan:
    """Open a harmonized scan; one smaller than a patch is padded in memory.

    Args:
        harmonized: folder of harmonized scans.
        scan: id of the scan.
        label_values: the labels, in the order of the classes.
        patch: size of a patch, in voxels.

    Raises:
        ScanError: the harmonized files are missing or damaged.
    """
    image_path, label_path = harmonized_paths(harmonized, scan)
    image = pad_to(read_volume(image_path, mmap=True).array, patch)
    label = to_classes(read_volume(label_path).array[0], label_values)
    label = pad_to(label[np.newaxis], patch)[0]
    return TrainingScan(image, label, tuple(_centres(label, len(label_values))))


def to_classes(label: NDArray[Any], label_values: Sequence[int]) -> NDArray[np.uint8]:
    """Label values to class indices: background 0, then 1, 2, ... in their order."""
    table = np.zeros(256, dtype=np.uint8)
    table[list(label_values)] = np.arange(1, len(label_values) + 1)
    return np.asarray(table[label])


def pad_to(array: NDArray[Any], patch: Patch) -> NDArray[Any]:
    """Repeat the edge on both sides until a patch fits; larger axes are left alone.

    Args:
        array: shape ``(C, X, Y, Z)``.
        patch: smallest size wanted along X, Y, Z.
    """
    missing = [
        max(0, want - have) for want, have in zip(patch, array.shape[1:], strict=True)
    ]
    if not any(missing):
        return array
    width = [(0, 0), *((count // 2, count - count // 2) for count in missing)]
    return np.pad(array, width, mode="edge")


class PatchDataset(Dataset[dict[str, Tensor]]):
    """Random patches; patch `i` of a seed is always the same, in any process.

    A part of the patches is centred on a voxel of a random class, so that small labels
    are seen as often as large ones; the others lie anywhere.

    Args:
        scans: training scans.
        settings: patch size, share of centred patches, augmentation.
        seed: seed of the run.
    """

    def __init__(
        self, scans: Sequence[TrainingScan], settings: TrainConfig, seed: int
    ) -> None:
        self._scans = scans
        self._settings = settings
        self._seed = seed
        self._augment = augmentation(settings.augmentation)

    def __len__(self) -> int:
        """Patches of a whole run."""
        return self._settings.steps * self._settings.batch_size

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Image ``(C, X, Y, Z)`` and classes ``(1, X, Y, Z)`` of patch `index`."""
        rng = np.random.default_rng([self._seed, index])
        scan = self._scans[int(rng.integers(len(self._scans)))]
        window = self._window(scan, rng)
        sample = {
            "image": torch.from_numpy(np.array(scan.image[(slice(None), *window)])),
            "label": torch.from_numpy(scan.label[window][np.newaxis].astype(np.int64)),
        }
        self._augment.set_random_state(seed=int(rng.integers(2**32)))
        augmented = self._augment(sample)
        return {key: torch.as_tensor(augmented[key]) for key in sample}

    def _window(
        self, scan: TrainingScan, rng: np.random.Generator
    ) -> tuple[slice, slice, slice]:
        """Where to cut."""
        patch = np.array(self._settings.patch)
        room = np.array(scan.label.shape) - patch
        if scan.centres and rng.random() < self._settings.foreground_ratio:
            voxels = scan.centres[int(rng.integers(len(scan.centres)))]
            start = voxels[rng.integers(len(voxels))] - patch // 2
        else:
            start = rng.integers(room + 1)
        x, y, z = (
            slice(int(first), int(first + size))
            for first, size in zip(np.clip(start, 0, room), patch, strict=True)
        )
        return x, y, z


class WholeScans(Dataset[dict[str, Tensor]]):
    """Whole scans with their classes, for validation.

    Args:
        scans: validation scans.
    """

    def __init__(self, scans: Sequence[TrainingScan]) -> None:
        self._scans = scans

    def __len__(self) -> int:
        """Number of scans."""
        return len(self._scans)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Image ``(C, X, Y, Z)`` and classes ``(1, X, Y, Z)`` of a scan."""
        scan = self._scans[index]
        return {
            "image": torch.from_numpy(np.array(scan.image)),
            "label": torch.from_numpy(scan.label[np.newaxis].astype(np.int64)),
        }


class StepSampler(Sampler[int]):
    """Indices of the patches of one epoch; epochs continue where the last ended.

    Args:
        patches: patches in an epoch.
        total: patches of the whole run.
    """

    def __init__(self, patches: int, total: int) -> None:
        self._patches = patches
        self._total = total
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch, also after a resume."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Patches in an epoch."""
        return self._patches

    def __iter__(self) -> Iterator[int]:
        """The indices, in order."""
        first = self._epoch * self._patches
        return iter(range(first, min(first + self._patches, self._total)))


def augmentation(name: str) -> Compose:
    """The random transforms of an augmentation, the same for every variant.

    Args:
        name: as in `TrainConfig.augmentation`.
    """
    flip = [RandFlipd(keys=("image", "label"), prob=0.5, spatial_axis=0)]
    intensity = [
        RandScaleIntensityd(keys="image", factors=0.1, prob=0.5),
        RandShiftIntensityd(keys="image", offsets=0.1, prob=0.5),
        RandGaussianNoised(keys="image", std=0.1, prob=0.5),
    ]
    return Compose({"none": [], "flip": flip, "intensity": flip + intensity}[name])


def _centres(label: NDArray[np.uint8], classes: int) -> Iterator[NDArray[np.int64]]:
    """Voxels of each class that occurs, evenly thinned."""
    for value in range(1, classes + 1):
        voxels = np.argwhere(label == value)
        if len(voxels):
            yield voxels[:: -(-len(voxels) // _CENTRES_PER_LABEL)]
