"""Augmentations: declared once, and their random numbers never change."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medinorm.config import TaskConfig, TrainConfig
from medinorm.method_names import AUGMENTATION_DECLARATIONS
from medinorm.train.augmentations import (
    AUGMENTATIONS,
    RandMirrord,
    allow_mirrors,
    compose_augmentation,
    measure_styles,
)
from medinorm.train.dataset import IGNORED, PatchDataset, TrainingScan


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


@pytest.mark.parametrize("name", BEFORE)
def test_patches_are_those_of_earlier_versions(name):
    """A trained network depends on them: others would be another experiment."""
    settings = TrainConfig(recipe="fast", patch=(8, 8, 8))
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


def test_each_allowed_axis_is_mirrored_half_of_the_time():
    values = torch.zeros(1, 2, 2, 2)
    values[0, 0, 0, 0] = 1
    mirrors = RandMirrord(("image",), (1, 2))
    mirrors.set_random_state(seed=0)
    places = [
        tuple(mirrors({"image": values})["image"][0].nonzero()[0].tolist())
        for _ in range(400)
    ]
    assert {place[0] for place in places} == {0}
    counts = [places.count((0, y, z)) for y in (0, 1) for z in (0, 1)]
    assert min(counts) > 70


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("left_kidney", "AS"),
        ("Kidney-R", "AS"),
        ("rightLung", "AS"),
        ("lh.cortex", "AS"),
        ("cleft", "RAS"),
        ("lesion", "RAS"),
        ("bright", "RAS"),
        ("kidneyLeft", "AS"),
        ("kidneyR", "AS"),
        ("Leftkidney", "AS"),
        ("rightlung", "AS"),
        ("LHippocampus", "AS"),
        ("L2", "RAS"),
        ("Liver", "RAS"),
        ("upright", "RAS"),
    ],
)
def test_labels_of_one_side_forbid_left_right_mirrors(name, axes):
    task = TaskConfig(label_values={1: name})
    assert allow_mirrors(TrainConfig(), task) == axes
    assert allow_mirrors(TrainConfig(mirror_axes="none"), task) == ""
    assert allow_mirrors(TrainConfig(mirror_axes="R"), task) == "R"


def test_forbidden_axes_are_never_mirrored():
    settings = TrainConfig(patch=(8, 8, 8))
    scans = [scan(0), scan(1)]
    kept = PatchDataset(scans, settings, 3)
    for axes, differ in ((), False), ((0,), True):
        dataset = PatchDataset(scans, settings, 3, augmentation="flip", axes=axes)
        pairs = [(dataset[n]["image"], kept[n]["image"]) for n in range(12)]
        assert any(not torch.equal(one, other) for one, other in pairs) == differ


@pytest.mark.parametrize("name", ["standard", "scanner", "style"])
def test_strong_augmentations_depend_on_seed_and_index_only(name):
    settings = TrainConfig(patch=(8, 8, 8))
    scans = [scan(n) for n in range(4)]
    one = PatchDataset(scans, settings, 3, augmentation=name)
    other = PatchDataset(scans, settings, 3, augmentation=name)
    forward = [one[n] for n in range(12)]
    for number in reversed(range(12)):
        patch = other[number]
        for word, values in forward[number].items():
            assert torch.equal(values, patch[word])
            assert type(values) is torch.Tensor
        assert patch["image"].dtype == torch.float32
    assert any((patch["label"] == IGNORED).any() for patch in forward)


def test_styles_are_those_of_other_domains():
    scans = [replace(scan(n), image=scan(n).image + 100 * (n % 2)) for n in range(4)]
    settings = TrainConfig(patch=(8, 8, 8))
    dataset = PatchDataset(scans, settings, 3, augmentation="style")
    between = [n for n in range(60) if 20 < float(dataset[n]["image"].median()) < 80]
    assert between  # on the way from the own domain to the other


def test_constant_patches_show_no_style():
    constant, varied = torch.ones(1, 2, 2, 2), torch.arange(8.0).reshape(1, 2, 2, 2)
    (style,) = measure_styles([constant, varied])
    assert style["mean"] == [3.5]
