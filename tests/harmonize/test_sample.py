"""A scan on its way to a method: what is not finite, the foreground, its facts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medinorm.config import HarmonizeConfig
from medinorm.errors import GeometryError, IntensityError, LabelError
from medinorm.files.atomic import write_json
from medinorm.files.nifti import Volume, write_volume
from medinorm.files.sidecars import sidecar_path
from medinorm.harmonize.sample import (
    Sample,
    mask_path,
    read_sample,
    settle_nonfinite,
)
from medinorm.records.labels import IGNORED_KEY
from medinorm.records.scans import Scan


def write_scan(folder: Path, array, *, channels=("image",)):
    path = folder / "sub-1_T1w.nii.gz"
    write_volume(Volume(array, np.eye(4)), path)
    return Scan("sub-1_T1w", "1", "", path, None, channels)


def ball(channels=1):
    """A bright ball in air, brighter in later channels."""
    index = np.stack(np.meshgrid(*[np.arange(20)] * 3, indexing="ij"), axis=-1)
    inside = np.linalg.norm(index - 9.5, axis=-1) < 7
    noise = np.random.default_rng(0).uniform(0, 5, inside.shape)
    one = np.where(inside, 100 + noise, noise)
    return np.stack([(k + 1) * one for k in range(channels)]).astype(np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_or_becomes_dark(tmp_path, value):
    array = ball()
    array[0, 10, 10, 10] = value
    scan = write_scan(tmp_path, array)
    with pytest.raises(IntensityError, match="1 of 8000 voxels are not finite"):
        read_sample(scan, HarmonizeConfig(), masked=True)
    settings = HarmonizeConfig(nonfinite="ignore", spacing=(2, 2, 2))
    sample = read_sample(scan, settings, masked=True)
    assert sample.facts["nonfinite"] == 1
    assert np.isfinite(sample.array).all()  # resampling spread nothing
    whole = read_sample(write_scan(tmp_path, ball()), settings, masked=True)
    differs = np.abs(sample.array - whole.array) > 1
    assert 0 < differs.sum() < 60


def test_nothing_finite_is_always_refused():
    array = np.stack([ball()[0], np.full((20, 20, 20), np.nan)])
    with pytest.raises(IntensityError, match="no voxel of a channel is finite"):
        settle_nonfinite(array, "ignore")


def test_finite_voxels_are_not_copied():
    array = ball()
    same, count = settle_nonfinite(array, "refuse")
    assert same is array
    assert count == 0


def test_each_channel_has_its_foreground(tmp_path):
    scan = write_scan(tmp_path, ball(2), channels=("t1", "t2"))
    sample = read_sample(scan, HarmonizeConfig(), masked=True)
    inside = int((ball()[0] > 50).sum())
    assert sample.facts["foreground"] == [inside, inside]
    assert sample.mask.shape == (2, 20, 20, 20)
    assert sample.policy.foreground == "file"


def test_all_voxels_need_no_mask(tmp_path):
    scan = write_scan(tmp_path, ball())
    settings = HarmonizeConfig(foreground="image")
    sample = read_sample(scan, settings, masked=True)
    assert (sample.mask, sample.policy.foreground) == (None, "image")
    assert sample.facts["foreground"] == [8000]
    unmeasured = read_sample(scan, HarmonizeConfig(), masked=False)
    assert "foreground" not in unmeasured.facts


def test_the_largest_part_leaves_out_what_lies_apart(tmp_path):
    array = ball()
    array[0, :2, :2, :2] = 100
    scan = write_scan(tmp_path, array)
    counts = [
        read_sample(
            scan, HarmonizeConfig(largest_component=largest), masked=True
        ).facts["foreground"][0]
        for largest in (False, True)
    ]
    assert counts[0] == counts[1] + 8


def test_a_label_foreground_needs_a_label_map(tmp_path):
    scan = write_scan(tmp_path, ball())
    with pytest.raises(LabelError, match="no label map"):
        read_sample(scan, HarmonizeConfig(foreground="label"), masked=True)


def test_masks_of_some_channels_fill_up_with_all_voxels():
    mask = ball()[0] > 50
    volume = Volume(ball(2), np.eye(4))
    sample = Sample(volume, ("t1", "t2"), (mask, None), "refuse", {})
    np.testing.assert_array_equal(sample.mask[0], mask)
    assert sample.mask[1].all()


@pytest.mark.parametrize("outside", [np.nan, np.inf, 0])
def test_what_is_no_number_in_the_mask_of_the_user_is_outside(tmp_path, outside):
    scan = write_scan(tmp_path, ball())
    inside = ball()[0] > 50
    mask = np.where(inside, 1, outside).astype(np.float32)
    write_volume(Volume(mask[np.newaxis], np.eye(4)), mask_path(tmp_path / "m", scan))
    settings = HarmonizeConfig(foreground="file", masks=tmp_path / "m")
    sample = read_sample(scan, settings, masked=True)
    assert sample.facts["foreground"] == [int(inside.sum())]


def test_a_label_map_of_several_volumes_is_refused(tmp_path):
    path = tmp_path / "label.nii.gz"
    write_volume(Volume((ball(2) > 50).astype(np.uint8), np.eye(4)), path)
    scan = replace(write_scan(tmp_path, ball()), label=path)
    with pytest.raises(LabelError, match="label map: has 2 volumes"):
        read_sample(scan, HarmonizeConfig(foreground="label"), masked=True)


def test_a_missing_channel_is_measured_as_a_whole(tmp_path):
    scan = write_scan(tmp_path, np.stack([ball()[0], 0 * ball()[0]]))
    settings = HarmonizeConfig(constant="zeros")
    sample = read_sample(scan, settings, masked=True)
    assert sample.masks[1] is None
    assert sample.facts["foreground"] == [int((ball()[0] > 50).sum()), 8000]


@pytest.mark.parametrize("ignored", [None, 255])
def test_ignored_voxels_are_no_foreground(tmp_path, ignored):
    path = tmp_path / "label.nii.gz"
    inside = ball()[0] > 50
    labels = inside.astype(np.uint8)
    labels[0] = 255
    write_volume(Volume(labels[np.newaxis], np.eye(4)), path)
    if ignored:
        write_json(sidecar_path(path), {IGNORED_KEY: ignored})
    scan = replace(write_scan(tmp_path, ball()), label=path)
    sample = read_sample(scan, HarmonizeConfig(foreground="label"), masked=True)
    counted = (labels == 1) if ignored else (labels > 0)
    assert sample.facts["foreground"] == [int(counted.sum())]


def test_a_scan_of_impossible_size_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "sub-1_T1w.nii.gz"
    write_volume(Volume(ball(), np.diag([900.0, 1.0, 1.0, 1.0])), path)
    scan = Scan("sub-1_T1w", "1", "", path, None, ("image",))
    with pytest.raises(GeometryError, match="it would be 18 m wide; its voxel spacing"):
        read_sample(scan, HarmonizeConfig(), masked=True)
