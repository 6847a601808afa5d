"""Augmentations: declared once, and their random numbers never change."""

import numpy as np
import pytest
import torch

from medinorm.config import TrainConfig
from medinorm.method_names import AUGMENTATION_DECLARATIONS
from medinorm.train.augmentations import AUGMENTATIONS, compose_augmentation
from medinorm.train.dataset import PatchDataset, TrainingScan


def test_declared_and_made_are_the_same():
    made = {name: declared.text for name, declared in AUGMENTATIONS.items()}
    assert made == {name: item.text for name, item in AUGMENTATION_DECLARATIONS.items()}


def scan(seed):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, (14, 13, 12)).astype(np.uint8)
    return TrainingScan(
        image=rng.normal(size=(1, 14, 13, 12)).astype(np.float32),
        label=label,
        centres=tuple(np.argwhere(label == value) for value in (1, 2)),
        domain=seed % 2,
        maps={"mask": (label > 0).astype(np.uint8)},
    )


# First voxel and sum of the image; labels and mask of one half of it, which a mirror
# moves: by patch, as earlier versions made them; the fourth is mirrored.
BEFORE = {
    "none": {
        0: (-1.47690499, -40.6544641, 264, 174),
        1: (0.854370773, 15.0698967, 244, 169),
        3: (0.256212831, -32.9385019, 258, 172),
    },
    "flip": {
        0: (-1.47690499, -40.6544641, 264, 174),
        1: (0.854370773, 15.0698967, 244, 169),
        3: (2.97257423, -32.9385019, 265, 175),
    },
    "intensity": {
        0: (-1.32275355, -37.2400571, 264, 174),
        1: (0.91232264, 28.2378781, 244, 169),
        3: (2.98917031, -33.9831558, 265, 175),
    },
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_patches_are_those_of_earlier_versions(name):
    """A trained network depends on them: others would be another experiment."""
    settings = TrainConfig(patch=(8, 8, 8))
    scans = [scan(0), scan(1), scan(2)]
    dataset = PatchDataset(scans, settings, 3, ("style",), augmentation=name)
    for index, expected in BEFORE[name].items():
        patch = dataset[index]
        half = [int(patch[word][0, :4].sum()) for word in ("label", "mask")]
        change = (
            float(patch["image"][0, 0, 0, 0]),
            float(patch["image"].double().sum()),
            *half,
        )
        assert change == pytest.approx(expected, rel=1e-6)


def test_maps_are_mirrored_with_the_image():
    values = torch.arange(8.0).reshape(1, 2, 2, 2)
    mirrors = compose_augmentation("flip", ("mask",))
    mirrors.set_random_state(seed=0)
    seen = set()
    for _ in range(20):
        sample = mirrors({"image": values, "label": values, "mask": values})
        assert (sample["image"] == sample["mask"]).all()
        assert (sample["image"] == sample["label"]).all()
        seen.add(float(sample["image"][0, 0, 0, 0]))
    assert seen == {0.0, 4.0}
