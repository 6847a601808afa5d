"""Patches are the same for the same seed and index, whatever came before."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from medinorm.config import NetworkConfig, TrainConfig
from medinorm.files.nifti import read_volume, write_volume
from medinorm.layout import harmonized_paths
from medinorm.train.dataset import (
    IGNORED,
    PatchDataset,
    StepSampler,
    pad_to,
    read_training_scan,
    to_classes,
)
from medinorm.train.model import ModelCard

SETTINGS = TrainConfig(recipe="fast", patch=(8, 12, 8), steps=10)
CARD = ModelCard(
    intensity="zscore",
    norm="instance",
    augmentation="flip",
    norm_options={},
    network=NetworkConfig(channels=(4, 8)),
    channels=("image",),
    label_values=(2, 1),
    patch=SETTINGS.patch,
    domains=("a", "b"),
    shots=2,
)


def read(study, harmonized, norm="instance"):
    card = replace(CARD, norm=norm)
    return [
        read_training_scan(harmonized, scan, card, "ab"[number % 2])
        for number, scan in enumerate(study.ids[:4])
    ]


@pytest.fixture
def scans(harmonized, small_study):
    return read(small_study, harmonized)


def test_a_patch_depends_on_seed_and_index_only(scans):
    first, second = (
        PatchDataset(scans, SETTINGS, 5, augmentation="intensity") for _ in range(2)
    )
    forward = [first[i] for i in range(6)]
    backward = [second[i] for i in reversed(range(6))][::-1]
    for one, other in zip(forward, backward, strict=True):
        assert torch.equal(one["image"], other["image"])
        assert torch.equal(one["label"], other["label"])
    assert not torch.equal(forward[0]["image"], forward[1]["image"])
    assert not torch.equal(
        PatchDataset(scans, SETTINGS, 6)[0]["image"], forward[0]["image"]
    )


def test_shapes_types_and_the_scan_on_disk_stay(scans):
    before = np.array(scans[0].image)
    sample = PatchDataset(scans[:1], SETTINGS, 0)[0]
    assert sample["image"].shape == (1, *SETTINGS.patch)
    assert sample["label"].shape == (1, *SETTINGS.patch)
    assert (sample["image"].dtype, sample["label"].dtype) == (
        torch.float32,
        torch.int64,
    )
    np.testing.assert_array_equal(scans[0].image, before)


@pytest.mark.parametrize("augmentation", ["none", "flip", "intensity"])
def test_patches_are_plain_tensors_without_a_history(scans, augmentation):
    """Histories differ within a batch: MONAI then fails where a layer cuts it."""
    dataset = PatchDataset(scans, SETTINGS, 0, augmentation=augmentation)
    for index in range(8):
        patch = dataset[index]
        assert {type(values) for values in patch.values()} == {torch.Tensor}


def test_image_and_label_are_cut_and_flipped_alike(scans):
    dataset = PatchDataset(scans, SETTINGS, 0, augmentation="flip")
    for index in range(12):
        sample = dataset[index]
        image, label = sample["image"][0], sample["label"][0]
        if label.unique().numel() == 3:  # the core (class 1 here) is the brightest
            assert image[label == 1].mean() > image[label == 2].mean()
            assert image[label == 2].mean() > image[label == 0].mean()


def test_centred_patches_hold_a_label(scans):
    settings = SETTINGS.model_copy(update={"foreground_ratio": 1.0})
    dataset = PatchDataset(scans, settings, 0)
    assert all(dataset[i]["label"].any() for i in range(20))


def test_the_last_patches_of_a_batch_are_centred_where_that_is_guaranteed(scans):
    changes = {"foreground_patches": "guaranteed", "batch_size": 3, "patch": (2, 2, 2)}
    changes |= {"foreground_ratio": 0.34}
    settings = SETTINGS.model_copy(update=changes)
    dataset = PatchDataset(scans, settings, 0)
    labelled = [bool(dataset[n]["label"].any()) for n in range(60)]
    assert all(labelled[2::3])
    assert not all(labelled[::3])


@pytest.mark.parametrize("norm", ["spatially_adaptive", "masked_instance"])
def test_maps_are_cut_and_flipped_with_the_image(small_study, harmonized, norm):
    (word,) = replace(CARD, norm=norm).needs
    scans = read(small_study, harmonized, norm)
    dataset = PatchDataset(scans, SETTINGS, 0, (word,), augmentation="flip")
    for index in range(12):
        sample = dataset[index]
        image, values = sample["image"][0], sample[word][0]
        assert values.shape == image.shape
        present = [image[values == v] for v in values.unique().tolist()]
        for darker, brighter in pairwise(present):
            assert darker.max() <= brighter.min()


def test_references_come_from_the_same_domain(small_study, harmonized):
    scans = [
        replace(scan, image=np.full_like(scan.image, scan.domain))
        for scan in read(small_study, harmonized)
    ]
    dataset = PatchDataset(scans, SETTINGS, 0, ("style", "domain"))
    for index in range(12):
        sample = dataset[index]
        assert sample["style"].shape == (SETTINGS.shots, 1, *SETTINGS.patch)
        assert sample["style"].unique().tolist() == [int(sample["domain"])]


def test_classes_follow_the_order_of_the_labels():
    label = np.array([0, 4, 2, 7], dtype=np.uint8)
    assert to_classes(label, (7, 4)).tolist() == [0, 2, 0, 1]


def test_padding_mirrors_the_scan_on_both_sides():
    array = np.arange(3.0).reshape(1, 3, 1, 1)
    assert pad_to(array, (6, 1, 1))[0, :, 0, 0].tolist() == [0, 0, 1, 2, 2, 1]
    assert pad_to(array, (6, 1, 1), value=9)[0, :, 0, 0].tolist() == [9, 0, 1, 2, 9, 9]
    assert pad_to(array, (2, 1, 1)) is array


def test_padding_hardly_changes_the_statistics_of_a_thin_scan():
    thin = np.linspace(0, 1, 5).reshape(1, 1, 1, 5) * np.ones((1, 4, 4, 1))
    padded = pad_to(thin, (4, 4, 40))
    assert padded.mean() == pytest.approx(thin.mean(), abs=0.01)
    assert padded.std() == pytest.approx(thin.std(), rel=0.05)


def test_padded_voxels_are_ignored(small_study, harmonized):
    card = replace(CARD, patch=(8, 12, 64))
    scan = read_training_scan(harmonized, small_study.ids[0], card, "a")
    slices = read_volume(harmonized_paths(harmonized, small_study.ids[0])[0]).array
    added = 64 - slices.shape[3]
    known = (scan.label != IGNORED).any(axis=(0, 1))
    assert known.sum() == 64 - added
    assert not known[: added // 2].any()
    centred = np.concatenate(scan.centres)[:, 2]
    assert known[centred].all()


def test_stretches_continue_and_the_last_may_be_short():
    seen = []
    sampler = StepSampler(patches=4, total=10, done=lambda: len(seen))
    for _ in range(3):
        seen += list(sampler)
    assert seen == list(range(10))


def test_ignored_voxels_have_a_class_of_their_own_and_no_patch_around_them():
    label = np.array([0, 1, 2, 7], np.uint8)
    assert to_classes(label, (2, 1), 7).tolist() == [0, 2, 1, IGNORED]
    assert to_classes(label, (2, 1)).tolist() == [0, 2, 1, 0]


def test_scans_without_labels_are_cut_anywhere(small_study, harmonized):
    _, path = harmonized_paths(harmonized, small_study.ids[0])
    labels = read_volume(path)
    write_volume(labels.with_array(labels.array * 0), path)
    control = read(small_study, harmonized)[0]
    assert control.centres == ()
    patches = PatchDataset([control], SETTINGS, 0)
    assert not any(patches[index]["label"].any() for index in range(4))


def test_surroundings_show_more_of_the_scan_and_are_changed_alike(scans):
    grid = scans[0].label.shape
    places = np.indices(grid).astype(np.float32)[:1]  # a voxel tells its place along R
    scan = replace(scans[0], image=places)
    only, with_more = (
        PatchDataset([scan], SETTINGS, 0, augmentation="flip", surroundings=wanted)
        for wanted in (False, True)
    )
    mirrored = set()
    for index in range(12):
        patch = with_more[index]
        around = patch.pop("surroundings")
        assert all(torch.equal(patch[word], only[index][word]) for word in patch)
        assert around.shape == patch["image"].shape
        assert around.min() <= patch["image"].min()
        wide = min(2 * SETTINGS.patch[0], grid[0])
        assert wide - 2 <= around.max() - around.min() <= wide
        ways = [(x[0, -1] - x[0, 0]).sign().mean() for x in (patch["image"], around)]
        assert ways[0] == ways[1]
        mirrored.add(float(ways[0]))
    assert mirrored == {-1.0, 1.0}
