"""The harmonize stage: one grid and scale, bad scans are rows, nothing is redone."""

import json
from dataclasses import replace

import numpy as np
import pytest

from medinorm.choices import FITTED_INTENSITIES, PER_SCAN_INTENSITIES
from medinorm.config import HarmonizeConfig
from medinorm.errors import StageError
from medinorm.files.nifti import Volume, read_volume, write_volume
from medinorm.files.sidecars import Provenance, sidecar_path, write_sidecar
from medinorm.harmonize import stage
from medinorm.harmonize.stage import Harmonizing, harmonize_scan, harmonize_scans
from medinorm.layout import harmonized_paths
from medinorm.records.scans import read_scans

SETTINGS = HarmonizeConfig(spacing=(1.5, 1.5, 1.5), foreground="positive")


def harmonize(study, intensity="zscore", fitted=None, settings=SETTINGS, **more):
    folder = study.folder / "harmonized" / intensity
    if fitted:
        more = {"splits": study.splits, "split": "pooled"} | more
    rows = harmonize_scans(
        study.scans,
        study.canonical,
        folder,
        folder / "status.tsv",
        intensity=intensity,
        fitted=fitted,
        settings=settings,
        **more,
    )
    return folder, {scan.scan: end for scan, end in rows}


def changed(**values):
    """The settings with other values, checked as those of a user are."""
    return HarmonizeConfig.model_validate(SETTINGS.model_dump() | values)


def image_of(folder, scan):
    return read_volume(harmonized_paths(folder, scan)[0]).array


def sidecar_of(folder, scan):
    path = sidecar_path(harmonized_paths(folder, scan)[0])
    return json.loads(path.read_text())


@pytest.mark.parametrize("intensity", sorted(PER_SCAN_INTENSITIES - {"group"}))
def test_every_method_of_single_scans_harmonizes(small_study, intensity):
    folder, status = harmonize(small_study, intensity)
    assert {end.state for end in status.values()} == {"made"}, status
    record = sidecar_of(folder, small_study.ids[0])
    assert record["map"]["kind"] in {"linear", "regions"}
    assert record["medinorm"]["settings"]["intensity"] == intensity


@pytest.mark.parametrize("intensity", sorted(PER_SCAN_INTENSITIES - {"group"}))
def test_scans_of_many_planes_are_mapped_as_one(small_study, monkeypatch, intensity):
    """They are mapped a slab at a time where the method allows it."""
    whole, _ = harmonize(small_study, intensity)
    expected = image_of(whole, small_study.ids[0])
    monkeypatch.setattr(stage, "_SLAB", 5)
    again, status = harmonize(small_study, intensity, settings=changed(background=-9))
    assert {end.state for end in status.values()} == {"made"}
    image = image_of(again, small_study.ids[0])
    inside = image != -9
    np.testing.assert_array_equal(image[inside], expected[inside])


@pytest.mark.parametrize("intensity", sorted(FITTED_INTENSITIES))
def test_every_method_that_learns_harmonizes(small_study, fit, intensity):
    folder, status = harmonize(small_study, intensity, fit(intensity))
    assert {end.state for end in status.values()} == {"made"}, status
    assert "map" in sidecar_of(folder, small_study.ids[0])["medinorm"]["inputs"]


@pytest.mark.parametrize(
    "intensity", ["zscore", "percentile", "nyul", "histogram", "fcm", "kde"]
)
def test_the_scanners_gain_vanishes(small_study, fit, intensity):
    """Scans of odd numbers are ten times as bright."""
    learned = intensity in FITTED_INTENSITIES
    fitted = fit(intensity) if learned else None
    for name, least, most in (("none", 9, 11), (intensity, 0.9, 1.1)):
        folder, _ = harmonize(small_study, name, fitted if name != "none" else None)
        spread = [
            np.ptp(np.quantile(image_of(folder, scan), (0.1, 0.9)))
            for scan in small_study.ids[:2]
        ]
        assert least < spread[1] / spread[0] < most


def test_each_scan_is_brought_to_one_grid_and_scale(small_study):
    folder, status = harmonize(small_study)
    assert {end.state for end in status.values()} == {"made"}
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
    assert {end.state for end in again.values()} == {"current"}
    harmonized_paths(folder, small_study.ids[0])[0].unlink()
    _, third = harmonize(small_study)
    assert third[small_study.ids[0]].state == "made"
    assert third[small_study.ids[1]].state == "current"
    irrelevant = changed(intensity_options={"fcm": {"tissue": "middle"}})
    _, fourth = harmonize(small_study, settings=irrelevant)
    assert {end.state for end in fourth.values()} == {"current"}
    _, fifth = harmonize(small_study, settings=changed(foreground="image"))
    assert {end.state for end in fifth.values()} == {"made"}


def test_a_bad_scan_is_a_row(small_study):
    path = small_study.canonical / f"{small_study.ids[2]}.nii.gz"
    volume = read_volume(path)
    write_volume(volume.with_array(np.full_like(volume.array, 7)), path)
    write_sidecar(path, Provenance({}, {}))
    truncated = small_study.canonical / f"{small_study.ids[3]}.nii.gz"
    truncated.write_bytes(truncated.read_bytes()[:500])
    write_sidecar(truncated, Provenance({}, {}))
    _, status = harmonize(small_study)
    assert "foreground voxels are 7" in status[small_study.ids[2]].reason
    assert "truncated" in status[small_study.ids[3]].reason
    assert [end.state for end in status.values()].count("made") == 6


def test_a_scan_that_goes_bad_loses_its_old_output(small_study):
    folder, _ = harmonize(small_study)
    path = small_study.canonical / f"{small_study.ids[0]}.nii.gz"
    path.write_bytes(path.read_bytes()[:500])
    write_sidecar(path, Provenance({"other": True}, {}))
    harmonize(small_study)
    assert not harmonized_paths(folder, small_study.ids[0])[0].exists()
    assert harmonized_paths(folder, small_study.ids[1])[0].exists()


def test_maps_and_methods_belong_together(small_study, fit):
    target = fit("population")
    folder, _ = harmonize(small_study, "population", target)
    means = [image_of(folder, scan).mean() for scan in small_study.ids]
    assert max(means) - min(means) > 1  # the scanners' gains differ and stay so
    with pytest.raises(StageError, match="population needs a fitted map"):
        harmonize(small_study, "population")
    with pytest.raises(StageError, match="zscore takes no fitted map"):
        harmonize(small_study, "zscore", target)
    with pytest.raises(StageError, match="'foo' is unknown; known: adaptive"):
        harmonize(small_study, "foo")


def test_labels_of_test_scans_are_never_read(small_study, fit):
    settings = changed(foreground="label")
    with pytest.raises(StageError, match="labels of test scans for zscore"):
        harmonize(small_study, settings=settings)
    with pytest.raises(StageError, match="labels of test scans for nyul"):
        harmonize(small_study, "nyul", settings=settings)
    target = fit("population", settings=settings)
    _, status = harmonize(small_study, "population", target, settings)
    assert {end.state for end in status.values()} == {"made"}


def test_the_background_is_chosen(small_study):
    settings = changed(foreground="otsu", background=-5)
    folder, _ = harmonize(small_study, "percentile", settings=settings)
    record = sidecar_of(folder, small_study.ids[0])
    image = image_of(folder, small_study.ids[0])
    inside = record["checks"]["foreground"][0]
    assert 0 < inside < image.size / 2
    assert np.count_nonzero(image == -5) == image.size - inside


def test_constant_scans_become_zeros_where_that_is_chosen(small_study):
    path = small_study.canonical / f"{small_study.ids[2]}.nii.gz"
    volume = read_volume(path)
    write_volume(volume.with_array(np.full_like(volume.array, 7)), path)
    write_sidecar(path, Provenance({}, {}))
    settings = changed(constant="zeros")
    folder, status = harmonize(small_study, settings=settings)
    assert status[small_study.ids[2]].state == "made"
    assert not image_of(folder, small_study.ids[2]).any()
    _, status = harmonize(small_study, "kde", settings=settings)
    assert "foreground voxels are 7" in status[small_study.ids[2]].reason


@pytest.mark.parametrize(
    "intensity", ["zscore", "percentile", "layer", "spatially_adaptive", "group"]
)
@pytest.mark.parametrize("foreground", ["otsu", "nonzero", "image"])
def test_a_missing_channel_becomes_zeros(small_study, intensity, foreground):
    scan = read_scans(small_study.scans, small_study.canonical)[small_study.ids[0]]
    volume = read_volume(scan.image)
    empty = np.zeros_like(volume.array)
    write_volume(volume.with_array(np.concatenate([volume.array, empty])), scan.image)
    write_sidecar(scan.image, Provenance({}, {}))
    options = {"group": {"channels": [["t1", "t2"]]}}
    settings = changed(
        constant="zeros", foreground=foreground, intensity_options=options
    )
    job = Harmonizing(small_study.folder / "out", intensity, settings)
    harmonize_scan(replace(scan, channels=("t1", "t2")), job)
    image = read_volume(job.paths(scan)[0]).array
    assert image[0].any()
    assert not image[1].any()


def test_a_label_map_of_several_volumes_is_one_line(small_study):
    scans = read_scans(small_study.scans, small_study.canonical)
    path = scans[small_study.ids[0]].label
    volume = read_volume(path)
    write_volume(volume.with_array(np.repeat(volume.array, 2, axis=0)), path)
    write_sidecar(path, Provenance({}, {}))
    _, status = harmonize(small_study)
    assert status[small_study.ids[0]].reason == (
        "label map: has 2 volumes; write one with a value for each label"
    )


def test_a_slab_of_two_slices_is_harmonized(small_study):
    for scan in read_scans(small_study.scans, small_study.canonical).values():
        for path in (scan.image, scan.label):
            volume = read_volume(path)
            write_volume(volume.with_array(volume.array[..., 11:13]), path)
            write_sidecar(path, Provenance({}, {}))
    settings = changed(spacing=(2.0, 2.0, 5.0))
    _, status = harmonize(small_study, settings=settings)
    assert {end.state for end in status.values()} == {"made"}


def test_compressed_on_request_the_voxels_are_the_same(small_study):
    plain, _ = harmonize(small_study)
    before = {scan: np.array(image_of(plain, scan)) for scan in small_study.ids}
    packed, status = harmonize(small_study, settings=changed(compress=True))
    assert packed == plain
    assert {end.state for end in status.values()} == {"made"}
    for scan in small_study.ids:
        image, label = harmonized_paths(packed, scan)
        assert image.name.endswith(".nii.gz")
        assert label.name.endswith(".nii.gz")
        np.testing.assert_array_equal(read_volume(image).array, before[scan])
    assert not list(packed.glob("*.nii"))  # nothing stale beside them
    _, again = harmonize(small_study, settings=changed(compress=True))
    assert {end.state for end in again.values()} == {"current"}
    harmonize(small_study)
    assert not list(packed.glob("*.nii.gz"))


def test_masks_of_the_user_are_the_foreground(small_study):
    masks = small_study.folder / "masks"
    settings = changed(foreground="file", masks=masks)
    for scan in small_study.ids[:-1]:
        image = read_volume(small_study.canonical / f"{scan}.nii.gz")
        inside = np.zeros(image.array.shape, dtype=np.uint8)
        inside[:, 8:16, 8:16, 8:16] = 1
        write_volume(image.with_array(inside), masks / f"{scan}.nii.gz")
    folder, status = harmonize(small_study, settings=settings)
    assert "its mask" in status[small_study.ids[-1]].reason
    record = sidecar_of(folder, small_study.ids[0])
    assert 100 < record["checks"]["foreground"][0] < 300
    assert record["checks"]["channels"][0]["mean"] == pytest.approx(0, abs=1e-5)
    assert "masks" not in record["medinorm"]["settings"]
    path = masks / f"{small_study.ids[0]}.nii.gz"
    volume = read_volume(path)
    write_volume(volume.with_array(np.ones_like(volume.array)), path)
    _, again = harmonize(small_study, settings=settings)
    assert again[small_study.ids[0]].state == "made"
    assert again[small_study.ids[1]].state == "current"
    elsewhere = volume.affine.copy()
    elsewhere[0, 3] += 2
    write_volume(Volume(volume.array, elsewhere), path)
    _, third = harmonize(small_study, settings=settings)
    assert "another grid" in third[small_study.ids[0]].reason


def test_shading_is_corrected_before_anything_else(small_study):
    scan = small_study.ids[0]
    path = small_study.canonical / f"{scan}.nii.gz"
    volume = read_volume(path)
    ramp = np.linspace(0.6, 1.4, volume.grid[0])[:, np.newaxis, np.newaxis]
    write_volume(volume.with_array(volume.array * ramp.astype(np.float32)), path)
    write_sidecar(path, Provenance({"shaded": True}, {}))

    def unevenness(settings):
        folder, _ = harmonize(small_study, "none", settings=settings)
        image = image_of(folder, scan)[0]
        return abs(np.log(image[:3].mean() / image[-3:].mean()))

    corrected = changed(bias_field="n4", n4={"iterations": [10, 10]})
    assert unevenness(corrected) < unevenness(SETTINGS) / 2
    record = sidecar_of(small_study.folder / "harmonized" / "none", scan)
    assert "bias_field" not in record["checks"]
    folder, _ = harmonize(small_study, "none", settings=corrected)
    (field,) = sidecar_of(folder, scan)["checks"]["bias_field"]
    assert 0.3 < field["low"] < 0.9
    assert 1.1 < field["high"] < 4
