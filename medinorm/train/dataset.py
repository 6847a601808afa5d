"""Training patches cut from memory-mapped scans; the same patch for the same index."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from medinorm.choices import AugmentationName
from medinorm.config import TrainConfig
from medinorm.files.nifti import read_volume
from medinorm.layout import harmonized_paths
from medinorm.train.augmentations import (
    AUGMENTATIONS,
    Axes,
    Style,
    compose_augmentation,
    measure_styles,
)
from medinorm.train.changes.spatial import draw_change, resample_patch
from medinorm.train.conditions import central_patch, condition_maps
from medinorm.train.model import ModelCard

Patch = tuple[int, int, int]
Window = tuple[slice, slice, slice]

IGNORED = 255  # class index of voxels that nobody knows the class of

_CENTRES_PER_LABEL = 4096  # voxels that are kept of each label, to centre patches on
_STYLES_PER_SCAN = 4  # patches that show the style of a scan


@dataclass(frozen=True)
class TrainingScan:
    """A harmonized scan, ready to cut patches from.

    Args:
        image: shape ``(C, X, Y, Z)``, float32, usually on disk.
        label: shape ``(X, Y, Z)``, class indices 0 (background), 1, 2, ... and
            `IGNORED`.
        centres: for each class that occurs, voxels of it, shape ``(n, 3)``.
        domain: index of its domain.
        maps: maps for conditional norms, each with the shape of `label`.
    """

    image: NDArray[np.float32]
    label: NDArray[np.uint8]
    centres: tuple[NDArray[np.int64], ...]
    domain: int
    maps: Mapping[str, NDArray[np.uint8]]


def read_training_scan(
    harmonized: Path, scan: str, card: ModelCard, domain: str
) -> TrainingScan:
    """Open a harmonized scan; one smaller than a patch is padded in memory.

    What is added to the label map is ignored: it counts neither in the loss nor in the
    Dice of validation, and no patch is centred on it.

    Args:
        harmonized: folder of harmonized scans.
        scan: id of the scan.
        card: labels, patch, domains and conditions of the network.
        domain: of the scan.

    Raises:
        ScanError: the harmonized files are missing or damaged.
    """
    image_path, label_path = harmonized_paths(harmonized, scan)
    image = pad_to(read_volume(image_path, mmap=True).array, card.patch)
    label = to_classes(
        read_volume(label_path).array[0], card.label_values, card.ignored
    )
    label = pad_to(label[np.newaxis], card.patch, value=IGNORED)[0]
    return scan_of(image, label, card, domain)


def scan_of(
    image: NDArray[np.float32],
    label: NDArray[np.uint8],
    card: ModelCard,
    domain: str = "",
) -> TrainingScan:
    """An image and its classes, ready to cut patches from.

    Args:
        image: shape ``(C, X, Y, Z)``, at least as large as a patch.
        label: class indices, shape ``(X, Y, Z)``.
        card: labels, domains and conditions of the network.
        domain: of the scan; one that is not known has the index -1.
    """
    return TrainingScan(
        image=image,
        label=label,
        centres=tuple(_centres(label, len(card.label_values))),
        domain=card.domain_index(domain),
        maps=condition_maps(np.asarray(image), card.needs, card.regions),
    )


def to_classes(
    label: NDArray[Any], label_values: Sequence[int], ignored: int | None = None
) -> NDArray[np.uint8]:
    """Label values to class indices: background 0, then 1, 2, ... in their order.

    Args:
        label: the label map.
        label_values: the values of class 1, 2, ...
        ignored: the value of ignored voxels, if there are.
    """
    table = np.zeros(256, dtype=np.uint8)
    table[list(label_values)] = np.arange(1, len(label_values) + 1)
    if ignored is not None:
        table[ignored] = IGNORED
    return np.asarray(table[label])


def pad_to(
    array: NDArray[Any], patch: Patch, *, value: int | None = None
) -> NDArray[Any]:
    """Mirror an image at its edges until a patch fits; larger axes are left alone.

    Each slice comes about equally often: statistics are nearly those of the scan.

    Args:
        array: shape ``(C, X, Y, Z)``.
        patch: smallest size wanted along X, Y, Z.
        value: what is added instead of mirrored voxels.
    """
    missing = [
        max(0, want - have) for want, have in zip(patch, array.shape[1:], strict=True)
    ]
    if not any(missing):
        return array
    width = [(0, 0), *((count // 2, count - count // 2) for count in missing)]
    if value is not None:
        return np.pad(array, width, constant_values=value)
    return np.pad(array, width, mode="symmetric")


class PatchDataset(Dataset[dict[str, Tensor]]):
    """Random patches; patch `i` of a seed is always the same, in any process.

    A part of the patches is centred on a voxel of a random class, so that small labels
    are seen as often as large ones; the others lie anywhere. The part is drawn, or the
    last patches of each mini-batch.

    Args:
        scans: training scans.
        settings: patch size, share of centred patches, shots.
        seed: seed of the run.
        needs: conditions of the network; each patch comes with them.
        augmentation: what is done to patches at random.
        axes: along which patches may be mirrored, from 0.
        surroundings: whether each patch comes with what surrounds it, twice as wide
            along each axis as far as the scan reaches, thinned to the size of a patch.
    """

    def __init__(  # noqa: PLR0913  (what patches are made of)
        self,
        scans: Sequence[TrainingScan],
        settings: TrainConfig,
        seed: int,
        needs: Sequence[str] = (),
        *,
        augmentation: AugmentationName = "none",
        axes: Axes = (0, 1, 2),
        surroundings: bool = False,
    ) -> None:
        self._scans = scans
        self._surroundings = surroundings
        self._settings = settings
        self._seed = seed
        self._needs = needs
        self._declared = AUGMENTATIONS[augmentation]
        maps = tuple(scans[0].maps) if scans else ()
        self._augment = {
            domain: compose_augmentation(augmentation, maps, axes, self._styles(domain))
            for domain in {scan.domain for scan in scans}
        }

    def __len__(self) -> int:
        """Patches of a whole run."""
        return self._settings.steps * self._settings.batch_size

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Patch `index`: image ``(C, X, Y, Z)``, classes and maps ``(1, X, Y, Z)``."""
        rng = np.random.default_rng([self._seed, index])
        scan = self._scans[int(rng.integers(len(self._scans)))]
        window = self._window(scan, rng, index % self._settings.batch_size)
        sample = self._cut_sample(scan, window, rng)
        augment = self._augment[scan.domain]
        seed = int(rng.integers(2**32))
        augmented = augment.set_random_state(seed=seed)(sample)
        # MONAI's tensors carry their history, which cannot always be put into a batch.
        patch = {key: augmented[key].as_subclass(Tensor) for key in sample}
        if "domain" in self._needs:
            patch["domain"] = torch.tensor(scan.domain)
        if "style" in self._needs:
            patch["style"] = self._references(scan, rng)
        if self._surroundings:  # changed by the same random numbers
            around = augment.set_random_state(seed=seed)(_cut_around(scan, window))
            patch["surroundings"] = around["image"].as_subclass(Tensor)
        return patch

    def _cut_sample(
        self, scan: TrainingScan, window: Window, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """Image, label and maps in a window, perhaps turned and scaled."""
        patch = self._settings.patch
        matrix = draw_change(rng, patch) if self._declared.resamples else None
        if matrix is None:
            return {
                "image": _cut(scan.image, window),
                "label": _cut_map(scan, window),
                **{
                    word: torch.from_numpy(values[window][np.newaxis].copy())
                    for word, values in scan.maps.items()
                },
            }
        centre = np.array([side.start for side in window]) + (np.array(patch) - 1) / 2
        maps = (scan.label, *scan.maps.values())
        image, near, inside = resample_patch(scan.image, maps, centre, matrix, patch)
        near[0].masked_fill_(~inside, IGNORED)
        words = ("label", *scan.maps)
        return {"image": image, **{w: near[n : n + 1] for n, w in enumerate(words)}}

    def _styles(self, domain: int) -> list[Style]:
        """Styles of patches of the other domains, where the augmentation uses them."""
        if not self._declared.styles:
            return []
        rng = np.random.default_rng([self._seed, domain])
        others = [scan for scan in self._scans if scan.domain != domain]
        return measure_styles(
            _cut(scan.image, self._anywhere(scan, rng))
            for scan in others
            for _ in range(_STYLES_PER_SCAN)
        )

    def _references(self, scan: TrainingScan, rng: np.random.Generator) -> Tensor:
        """Random patches of scans of the same domain, ``(K, C, X, Y, Z)``."""
        peers = [other for other in self._scans if other.domain == scan.domain]
        chosen = [
            peers[int(rng.integers(len(peers)))] for _ in range(self._settings.shots)
        ]
        return torch.stack([_cut(s.image, self._anywhere(s, rng)) for s in chosen])

    def _window(
        self, scan: TrainingScan, rng: np.random.Generator, place: int
    ) -> Window:
        """The window of a patch at a place in its mini-batch."""
        if not scan.centres or not self._centred(rng, place):
            return self._anywhere(scan, rng)
        voxels = scan.centres[int(rng.integers(len(scan.centres)))]
        middle = np.array(self._settings.patch) // 2
        return self._at(scan, voxels[rng.integers(len(voxels))] - middle)

    def _centred(self, rng: np.random.Generator, place: int) -> bool:
        """Whether the patch at a place in its mini-batch is centred on a label."""
        settings = self._settings
        if settings.foreground_patches == "drawn":
            return rng.random() < settings.foreground_ratio
        return place >= settings.batch_size - settings.centred_patches

    def _anywhere(self, scan: TrainingScan, rng: np.random.Generator) -> Window:
        """A window anywhere in a scan."""
        room = np.array(scan.label.shape) - np.array(self._settings.patch)
        return self._at(scan, rng.integers(room + 1))

    def _at(self, scan: TrainingScan, start: NDArray[np.int64]) -> Window:
        """The window that starts at `start`, moved inside the scan."""
        patch = np.array(self._settings.patch)
        first = np.clip(start, 0, np.array(scan.label.shape) - patch)
        x, y, z = map(slice, first.tolist(), (first + patch).tolist())
        return x, y, z


class WholeScans(Dataset[dict[str, Tensor]]):
    """Whole scans with their classes and conditions, for validation.

    Args:
        scans: validation scans.
        training: training scans, from which the references of a domain are taken.
        settings: patch and shots.
        needs: conditions of the network.
    """

    def __init__(
        self,
        scans: Sequence[TrainingScan],
        training: Sequence[TrainingScan],
        settings: TrainConfig,
        needs: Sequence[str] = (),
    ) -> None:
        self._scans = scans
        self._training = training
        self._settings = settings
        self._needs = needs

    def __len__(self) -> int:
        """Number of scans."""
        return len(self._scans)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        """One scan after the other."""
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Image ``(C, X, Y, Z)``, classes and maps ``(1, X, Y, Z)`` of a scan."""
        scan = self._scans[index]
        everything = (slice(None), slice(None), slice(None))
        sample = {
            "image": _cut(scan.image, everything),
            "label": _cut_map(scan, everything),
        }
        for word, values in scan.maps.items():
            sample[word] = torch.from_numpy(values[np.newaxis])
        if "domain" in self._needs:
            sample["domain"] = torch.tensor(scan.domain)
        if "style" in self._needs:
            peers = [other for other in self._training if other.domain == scan.domain]
            patches = [
                central_patch(peer.image, self._settings.patch)
                for peer in peers[: self._settings.shots]
            ]
            sample["style"] = torch.from_numpy(np.stack(patches))
        return sample


class StepSampler(Sampler[int]):
    """Indices of the patches of one stretch of steps, the next after those done.

    Args:
        patches: patches in a stretch.
        total: patches of the whole run.
        done: gives the number of patches that were trained on so far.
        share: which patches are those of this process, and of how many processes:
            each takes every n-th, so that together they see the same mini-batches.
    """

    def __init__(
        self,
        patches: int,
        total: int,
        done: Callable[[], int],
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self._patches = patches
        self._share = share
        self._total = total
        self._done = done

    def __len__(self) -> int:
        """Patches in a stretch, of this process."""
        return self._patches // self._share[1]

    def __iter__(self) -> Iterator[int]:
        """The indices, in order."""
        first = self._done()
        end = min(first + self._patches, self._total)
        return iter(range(first + self._share[0], end, self._share[1]))


def _cut(image: NDArray[np.float32], window: Window) -> Tensor:
    """A part of an image, read from disk now."""
    return torch.from_numpy(np.array(image[(slice(None), *window)]))


def _cut_around(scan: TrainingScan, window: Window) -> dict[str, Tensor]:
    """Image and classes around a window, thinned to its size."""
    places = []
    for side, whole in zip(window, scan.label.shape, strict=True):
        size = side.stop - side.start
        extent = min(2 * size, whole)
        first = min(max(0, side.start - (extent - size) // 2), whole - extent)
        places.append(first + np.arange(size) * extent // size)
    chosen = np.ix_(*places)
    image = np.array([channel[chosen] for channel in scan.image])
    label = scan.label[chosen][np.newaxis].astype(np.int64)
    return {"image": torch.from_numpy(image), "label": torch.from_numpy(label)}


def _cut_map(scan: TrainingScan, window: Window) -> Tensor:
    """A part of the classes, with a channel axis."""
    return torch.from_numpy(scan.label[window][np.newaxis].astype(np.int64))


def _centres(label: NDArray[np.uint8], classes: int) -> Iterator[NDArray[np.int64]]:
    """Voxels of each class that occurs, evenly thinned."""
    for value in range(1, classes + 1):
        voxels = np.argwhere(label == value)
        if len(voxels):
            yield voxels[:: -(-len(voxels) // _CENTRES_PER_LABEL)]
