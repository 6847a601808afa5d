"""The harmonize stage: only training scans are fitted, bad scans are rows."""

import json
from typing import get_args

import numpy as np
import pytest

from medinorm.choices import PER_SCAN_INTENSITIES, IntensityName
from medinorm.config import HarmonizeConfig
from medinorm.errors import StageError
from medinorm.harmonize.stage import (
    FITS,
    fit_intensity,
    harmonize_scans,
    harmonized_paths,
    scans_of,
)
from medinorm.provenance import Provenance, write_sidecar
from medinorm.tables import read_table
from medinorm.volume import read_volume, write_volume

SETTINGS = HarmonizeConfig(spacing=(1.5, 1.5, 1.5), foreground="positive")


def harmonize(study, intensity="zscore", fitted=None, settings=SETTINGS):
    folder = study.folder / "harmonized" / intensity
    status = folder / "status.tsv"
    rows = harmonize_scans(
        study.scans,
        study.canonical,
        folder,
        status,
        intensity=intensity,
        fitted=fitted,
        shard=0,
        shards=1,
        settings=settings,
    )
    return folder, {row["scan"]: row for row in rows}


def test_per_scan_methods_are_those_of_the_configuration():
    assert set(FITS) == PER_SCAN_INTENSITIES < set(get_args(IntensityName))


def test_each_scan_is_brought_to_one_grid_and_scale(small_study):
    folder, status = harmonize(small_study)
    assert {row["state"] for row in status.values()} == {"made"}
    for scan in small_study.ids:
        image_path, label_path = harmonized_paths(folder, scan)
        image, label = read_volume(image_path), read_volume(label_path)
        assert image.array.dtype == np.float32
        assert label.array.dtype == np.uint8
        np.testing.assert_allclose(image.spacing, 1.5)
        assert image.same_grid(label)
        assert abs(image.array.mean()) < 1e-3
        assert set(np.unique(label.array)) == {0, 1, 2}


def test_current_scans_are_left_alone_and_others_made_again(small_study):
    folder, _ = harmonize(small_study)
    _, again = harmonize(small_study)
    assert {row["state"] for row in again.values()} == {"current"}
    harmonized_paths(folder, small_study.ids[0])[0].unlink()
    _, third = harmonize(small_study)
    assert third[small_study.ids[0]]["state"] == "made"
    assert third[small_study.ids[1]]["state"] == "current"
    irrelevant = SETTINGS.model_copy(update={"percentiles": (2.0, 98.0)})
    _, fourth = harmonize(small_study, settings=irrelevant)
    assert {row["state"] for row in fourth.values()} == {"current"}
    other = SETTINGS.model_copy(update={"foreground": "image"})
    _, fifth = harmonize(small_study, settings=other)
    assert {row["state"] for row in fifth.values()} == {"made"}


def test_a_bad_scan_is_a_row(small_study):
    path = small_study.canonical / f"{small_study.ids[2]}.nii.gz"
    volume = read_volume(path)
    write_volume(volume.with_array(np.full_like(volume.array, 7)), path)
    write_sidecar(path, Provenance({}, {}))
    truncated = small_study.canonical / f"{small_study.ids[3]}.nii.gz"
    truncated.write_bytes(truncated.read_bytes()[:500])
    _, status = harmonize(small_study)
    assert "foreground voxels are 7" in status[small_study.ids[2]]["reason"]
    assert "truncated" in status[small_study.ids[3]]["reason"]
    assert [row["state"] for row in status.values()].count("made") == 6


def test_a_scan_that_goes_bad_loses_its_old_output(small_study):
    folder, _ = harmonize(small_study)
    path = small_study.canonical / f"{small_study.ids[0]}.nii.gz"
    path.write_bytes(path.read_bytes()[:500])
    write_sidecar(path, Provenance({"other": True}, {}))
    harmonize(small_study)
    assert not harmonized_paths(folder, small_study.ids[0])[0].exists()
    assert harmonized_paths(folder, small_study.ids[1])[0].exists()


def test_only_training_scans_are_fitted(small_study):
    rows = read_table(small_study.splits)
    training = set(scans_of(rows, "lodo-a", "train"))
    assert {row["domain"] for row in rows if row["scan"] in training} == {"b"}
    for scan in set(small_study.ids) - training:
        (small_study.canonical / f"{scan}.nii.gz").unlink()  # reading it would fail
    target = small_study.folder / "map.json"
    fit_intensity(
        small_study.scans,
        small_study.canonical,
        small_study.splits,
        target,
        intensity="population",
        split="lodo-a",
        settings=SETTINGS,
    )
    fitted = json.loads(target.read_text())
    assert fitted["scans"] == len(training)


def test_population_applies_one_map_to_all(small_study):
    target = small_study.folder / "map.json"
    fit_intensity(
        small_study.scans,
        small_study.canonical,
        small_study.splits,
        target,
        intensity="population",
        split="pooled",
        settings=SETTINGS,
    )
    folder, _ = harmonize(small_study, "population", target)
    means = [
        read_volume(harmonized_paths(folder, scan)[0]).array.mean()
        for scan in small_study.ids
    ]
    assert max(means) - min(means) > 1  # the scanners' gains differ and stay so
    with pytest.raises(StageError, match="population needs a fitted map"):
        harmonize(small_study, "population")
    with pytest.raises(StageError, match="zscore takes no fitted map"):
        harmonize(small_study, "zscore", target)


def test_unknown_splits_name_the_known(small_study):
    with pytest.raises(StageError, match="known: lodo-a, lodo-b, pooled"):
        scans_of(read_table(small_study.splits), "lodo-c", "train")
