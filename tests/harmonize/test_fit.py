"""Maps are learned from training scans only, and others are refused."""

import errno
from dataclasses import replace

import numpy as np
import pytest

from medinorm.choices import FITTED_INTENSITIES
from medinorm.config import HarmonizeConfig
from medinorm.errors import DamagedError, StageError
from medinorm.files.nifti import read_volume, write_volume
from medinorm.files.records import read_records, write_records
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.harmonize.fit import read_map_of, scans_of
from medinorm.harmonize.sample import read_sample
from medinorm.intensity import hash_scans, read_fitted, write_fitted
from medinorm.records.scans import SplitRow

SETTINGS = HarmonizeConfig(spacing=(1.5, 1.5, 1.5), foreground="positive")


def check(study, target, intensity="nyul", split="lodo-a", settings=SETTINGS):
    return read_map_of(
        target, study.splits, intensity=intensity, split=split, settings=settings
    )


@pytest.mark.parametrize("intensity", sorted(FITTED_INTENSITIES))
def test_only_training_scans_are_fitted(small_study, fit, intensity):
    rows = read_records(small_study.splits, SplitRow)
    training = set(scans_of(rows, "lodo-a", "train"))
    assert {row.domain for row in rows if row.scan in training} == {"b"}
    for scan in set(small_study.ids) - training:
        (small_study.canonical / f"{scan}.nii.gz").unlink()  # reading it would fail
    target = fit(intensity, "lodo-a")
    fitted = check(small_study, target, intensity)
    assert fitted.scans == len(training)
    assert fitted.fitted_on == hash_scans(training)


def test_references_are_as_many_as_asked_for(small_study, fit):
    options = {"intensity_options": {"adaptive_instance": {"references": 2}}}
    settings = HarmonizeConfig.model_validate(SETTINGS.model_dump() | options)
    target = fit("adaptive_instance", "pooled", settings)
    assert read_fitted(target).scans == 2
    check(small_study, target, "adaptive_instance", "pooled", settings)


def test_a_map_that_knows_a_test_scan_is_refused(small_study, fit):
    """As if a test scan had been among those that were fitted."""
    target = fit("nyul", "lodo-a")
    check(small_study, target)
    rows = read_records(small_study.splits, SplitRow)
    training = scans_of(rows, "lodo-a", "train")
    test = scans_of(rows, "lodo-a", "test")
    record = read_fitted(target)
    for known in ([*training, test[0]], training[1:], [test[0], *training[1:]]):
        write_fitted(replace(record, fitted_on=hash_scans(known)), target)
        with pytest.raises(StageError, match="may know test scans"):
            check(small_study, target)
    left_out = {**record.parameters, "left_out": [test[0]]}
    write_fitted(replace(record, parameters=left_out), target)
    with pytest.raises(StageError, match="may know test scans"):
        check(small_study, target)


def test_a_map_is_refused_when_a_subject_moves_to_the_test_side(small_study, fit):
    target = fit("nyul", "lodo-a")
    rows = read_records(small_study.splits, SplitRow)
    moved = next(r for r in rows if (r.split, r.role) == ("lodo-a", "train"))
    tested = [replace(row, role="test") if row is moved else row for row in rows]
    write_records(small_study.splits, tested, SplitRow)
    with pytest.raises(StageError, match="may know test scans"):
        check(small_study, target)
    write_records(small_study.splits, [*tested, moved], SplitRow)
    with pytest.raises(StageError, match="1 subjects train and test"):
        check(small_study, target)


def test_a_map_of_another_split_method_or_setting_is_refused(small_study, fit):
    target = fit("nyul", "lodo-a")
    other = HarmonizeConfig.model_validate(
        SETTINGS.model_dump() | {"foreground": "image"}
    )
    for wrong in (
        {"split": "pooled"},
        {"intensity": "histogram"},
        {"settings": other},
    ):
        with pytest.raises(StageError, match="fit it again"):
            check(small_study, target, **wrong)
    target.write_text("{}")
    with pytest.raises(DamagedError, match=r"lodo-a\.json: this is no fitted map"):
        check(small_study, target)


def test_a_damaged_map_is_not_used_and_the_next_run_fits_it_again(small_study, fit):
    target = fit("nyul", "lodo-a")
    content = target.read_text()
    digit = content.index(".", len(content) // 2) + 1
    flipped = str((int(content[digit]) + 1) % 10)
    target.write_text(content[:digit] + flipped + content[digit + 1 :])
    with pytest.raises(DamagedError, match="changed since it was fitted"):
        check(small_study, target)
    assert not target.exists()
    assert fit("nyul", "lodo-a").read_text() == content


def test_another_file_of_the_user_is_refused_and_stays(small_study):
    own = small_study.folder / "notes.json"
    own.write_text('{"to": "keep"}')
    with pytest.raises(DamagedError, match="this is no fitted map"):
        check(small_study, own)
    assert own.read_text() == '{"to": "keep"}'


def test_an_unusable_training_scan_is_left_out_and_named(small_study, fit):
    rows = read_records(small_study.splits, SplitRow)
    training = scans_of(rows, "lodo-a", "train")
    path = small_study.canonical / f"{training[0]}.nii.gz"
    path.write_bytes(path.read_bytes()[:400])
    write_sidecar(path, Provenance({}, {}))
    target = fit("nyul", "lodo-a")
    fitted = check(small_study, target)
    assert list(fitted.parameters["left_out"]) == training[:1]
    assert fitted.scans == len(training) - 1
    for scan in training[1:]:
        path = small_study.canonical / f"{scan}.nii.gz"
        volume = read_volume(path)
        write_volume(volume.with_array(np.full_like(volume.array, 7)), path)
        write_sidecar(path, Provenance({}, {}))
    with pytest.raises(StageError, match="nyul cannot be fitted on"):
        fit("nyul", "lodo-a")


def test_a_scan_that_fails_unexpectedly_is_left_out_and_named(
    small_study, fit, monkeypatch, caplog
):
    training = scans_of(read_records(small_study.splits, SplitRow), "lodo-a", "train")

    def fail(scan, *args, **options):
        if scan.scan == training[0]:
            raise RuntimeError("text of another library, with a name")
        return read_sample(scan, *args, **options)

    monkeypatch.setattr("medinorm.harmonize.fit.read_sample", fail)
    fitted = check(small_study, fit("nyul", "lodo-a"))
    assert list(fitted.parameters["left_out"]) == training[:1]
    assert f"{training[0]} is left out: unexpected error" in caplog.text
    assert "RuntimeError at test_fit.py" in caplog.text
    assert "with a name" not in caplog.text


def test_a_full_disk_is_no_fault_of_a_scan(fit, monkeypatch):
    def fail(*_args, **_options):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("medinorm.harmonize.fit.read_sample", fail)
    with pytest.raises(OSError, match="full"):
        fit("nyul", "lodo-a")


@pytest.mark.parametrize("intensity", ["nyul", "histogram", "population"])
def test_training_scans_with_unequal_channels_are_one_line(small_study, fit, intensity):
    training = scans_of(read_records(small_study.splits, SplitRow), "lodo-a", "train")
    path = small_study.canonical / f"{training[0]}.nii.gz"
    volume = read_volume(path)
    write_volume(volume.with_array(np.repeat(volume.array, 2, axis=0)), path)
    write_sidecar(path, Provenance({}, {}))
    with pytest.raises(StageError, match="1 or 2 channels"):
        fit(intensity, "lodo-a")


@pytest.mark.parametrize("intensity", sorted(FITTED_INTENSITIES))
def test_nothing_is_learned_from_a_constant_scan(small_study, fit, intensity):
    """Though it may become zeros when it is mapped."""
    training = scans_of(read_records(small_study.splits, SplitRow), "pooled", "train")
    path = small_study.canonical / f"{training[0]}.nii.gz"
    volume = read_volume(path)
    write_volume(volume.with_array(np.zeros_like(volume.array)), path)
    write_sidecar(path, Provenance({}, {}))
    settings = SETTINGS.model_copy(update={"constant": "zeros"})
    fitted = read_fitted(fit(intensity, "pooled", settings))
    assert list(fitted.parameters["left_out"]) == training[:1]


def test_a_map_that_another_job_has_just_deleted_is_one_line(small_study, fit):
    target = fit("nyul", "lodo-a")
    target.unlink()
    with pytest.raises(DamagedError, match=r"lodo-a\.json: does not exist; fit it"):
        check(small_study, target)


def test_methods_of_single_scans_are_not_fitted(fit):
    with pytest.raises(StageError, match="zscore has nothing to fit"):
        fit("zscore", "lodo-a")


def test_unknown_splits_name_the_known(small_study):
    with pytest.raises(StageError, match="known: lodo-a, lodo-b, pooled"):
        scans_of(read_records(small_study.splits, SplitRow), "lodo-c", "train")
