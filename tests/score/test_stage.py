"""Every test scan, seed and label has a row, whatever became of the prediction."""

import subprocess
import sys

import numpy as np
import pytest

from medinorm.columns.calibration import read_calibration
from medinorm.columns.scores import read_scores
from medinorm.config import InputConfig, ScoreConfig
from medinorm.errors import StageError
from medinorm.files.atomic import read_json
from medinorm.files.nifti import Volume, write_volume
from medinorm.files.records import read_records
from medinorm.files.tables import read_table
from medinorm.records.calibration import (
    CalibrationRow,
    calibration_path,
    confidence_path,
)
from medinorm.records.scores import ScoreRow
from medinorm.score.stage import score_predictions
from tests.score.conftest import write_labels

DIAGONAL = np.linalg.norm([12 * 2.0, 14 * 1.0, 16 * 1.5])


MEASURED = ScoreConfig(tolerance=1.0)


def score(study, seeds=(0,), values=(1, 2), split="pooled", score=MEASURED, **task):
    score_predictions(
        study.predictions,
        study.scans,
        study.splits,
        study.canonical,
        study.scores,
        intensity="zscore",
        norm="batch",
        augmentation="flip",
        adapt="none",
        split=split,
        seeds=seeds,
        input=InputConfig(
            label_values={value: f"label {value}" for value in values}, **task
        ),
        score=score,
    )
    return read_table(study.scores)


@pytest.fixture
def scored(study, labels):
    """A study of one scan with its label map written."""
    study.write_tables({"a": "ge"})
    study.write_label("a", labels)
    return study


def test_scores_are_columns_too(scored, labels):
    """What evidence reads has the numbers of what people read."""
    scored.write_prediction("a", 0, np.roll(labels, 1, axis=0))
    score(scored)
    table = scored.scores.with_suffix(".parquet")
    rows = list(read_scores([table]).rows())
    assert rows == read_records(scored.scores, ScoreRow)
    assert 0 < rows[0].dice < 1


def test_every_scan_seed_and_label_has_a_row(study, labels):
    study.write_tables({"a": "ge", "b": "siemens"})
    for scan in "ab":
        study.write_label(scan, labels)
        for seed in (0, 7):
            study.write_prediction(scan, seed, labels)
    rows = score(study, seeds=(0, 7))
    keys = {(row["scan"], row["seed"], row["label"]) for row in rows}
    assert keys == {(s, k, v) for s in "ab" for k in "07" for v in "12"}
    assert {(row["state"], row["dice"], row["hd95"]) for row in rows} == {
        ("scored", "1", "0")
    }
    assert {row["norm"] for row in rows} == {"batch"}


def test_distances_are_in_mm(scored, labels):
    scored.write_prediction("a", 0, np.roll(labels, 1, axis=0))
    assert {row["hd95"] for row in score(scored)} == {"2"}
    assert {float(row["nsd"]) < 1 for row in score(scored)} == {True}


def test_the_flavour_of_the_surface_is_a_setting(scored, labels):
    scored.write_prediction("a", 0, np.roll(labels, 2, axis=1))
    area, voxel = (
        score(scored, score=ScoreConfig(tolerance=1, surface=name))[0]
        for name in ("area", "voxel")
    )
    assert float(area["nsd"]) != float(voxel["nsd"])
    assert {**area, "nsd": ""} == {**voxel, "nsd": ""}


def test_rows_know_the_volume_of_a_voxel(scored, labels):
    scored.write_prediction("a", 0, labels)
    assert {row["voxel_ml"] for row in score(scored)} == {"0.003"}


def test_the_summary_lies_beside_the_table(scored, labels):
    unknown = labels.copy()
    free = np.argwhere(labels == 0)[:40].T
    unknown[tuple(free)] = 255
    scored.write_label("a", unknown)
    scored.write_prediction("a", 0, np.where(labels == 2, 0, labels))
    score(scored, ignore=9)
    summary = read_json(scored.folder / "scores_summary.json")
    (case,) = summary["metric_per_case"]
    assert case["metrics"]["1"]["TP"] == 180
    assert case["metrics"]["2"] == {
        "TP": 0,
        "FP": 0,
        "FN": 108,
        "n_pred": 0,
        "n_ref": 108,
        "Dice": 0.0,
        "IoU": 0.0,
        "TN": 12 * 14 * 16 - 40 - 108,
    }


def test_calibration_is_measured_where_confidence_was_kept(scored, labels):
    path = scored.write_prediction("a", 0, labels)
    scored.write_prediction("a", 1, labels)
    write_labels(confidence_path(path), np.full(labels.shape, 204, np.uint8))
    score(scored, seeds=(0, 1, 2))
    table = calibration_path(scored.scores).with_suffix(".tsv")
    (row,) = read_records(table, CalibrationRow)
    assert (row.scan, row.seed, row.correct) == ("a", 0, row.voxels)
    assert row.brier == pytest.approx(0.04)
    write_labels(confidence_path(path), np.zeros((2, 2, 2), np.uint8))
    score(scored)  # on another grid: told, and nothing is measured
    assert read_records(table, CalibrationRow) == []
    (columns,) = read_calibration([scored.scores])
    assert len(columns) == 0


def test_lesions_are_named_labels(scored, labels):
    scored.write_prediction("a", 0, labels)
    settings = ScoreConfig(tolerance=1, lesions=["label 2"])
    rows = score(scored, score=settings, seeds=(0, 1))
    found = [(row["seed"], row["lesion_f1"], row["volume_bias"]) for row in rows]
    # Seed 1 has no prediction: its lesions are missed, its volume is not known.
    assert found == [("0", "", "0"), ("0", "1", "0"), ("1", "", ""), ("1", "0", "")]
    with pytest.raises(StageError, match="'edema' is no label; the labels are label 1"):
        score(scored, score=ScoreConfig(lesions=["edema"]))


def damage(study, labels):
    path = study.write_prediction("a", 0, labels)
    path.write_bytes(path.read_bytes()[:60])


def shift(study, labels):
    moved = study.affine.copy()
    moved[0, 3] = 1.0
    study.write_prediction("a", 0, labels, moved)


def crop(study, labels):
    study.write_prediction("a", 0, labels[1:])


def stack(study, labels):
    path = study.write_prediction("a", 0, labels)
    write_volume(Volume(np.stack([labels] * 2), study.affine), path)


def blur(study, labels):
    study.write_prediction("a", 0, labels.astype(np.float32) * 0.5)


def spoil(study, labels):
    values = labels.astype(np.float32)
    values[0, 0, 0] = np.nan
    study.write_prediction("a", 0, values)


def overflow(study, labels):
    study.write_prediction("a", 0, labels.astype(np.int16) + 256)


def leave_out(study, labels):
    pass


@pytest.mark.parametrize(
    "fault", [leave_out, damage, shift, crop, blur, spoil, overflow]
)
def test_a_prediction_that_cannot_be_used_is_a_miss(scored, labels, fault, caplog):
    fault(scored, labels)
    rows = score(scored)
    assert [row["state"] for row in rows] == ["missing", "missing"]
    assert [(row["dice"], row["nsd"]) for row in rows] == [("0", "0")] * 2
    assert [float(row["hd95"]) for row in rows] == pytest.approx([DIAGONAL] * 2)
    assert [row["voxels_label"] for row in rows] == ["180", "108"]
    assert {row["voxels_prediction"] for row in rows} == {""}
    assert "a.nii.gz: prediction missing" in caplog.text
    assert str(scored.folder) not in caplog.text


def test_other_seeds_are_scored_beside_a_missing_one(scored, labels):
    scored.write_prediction("a", 1, labels)
    states = {(row["seed"], row["state"]) for row in score(scored, seeds=(0, 1))}
    assert states == {("0", "missing"), ("1", "scored")}


def test_a_label_in_neither_map_is_a_row_without_scores(scored, labels):
    scored.write_prediction("a", 0, labels)
    row = next(row for row in score(scored, values=(1, 2, 3)) if row["label"] == "3")
    assert row["state"] == "empty"
    assert (row["dice"], row["nsd"], row["hd95"]) == ("", "", "")
    assert (row["voxels_label"], row["voxels_prediction"]) == ("0", "0")


def test_a_structure_that_was_not_found_is_scored_as_a_miss(scored, labels):
    scored.write_prediction("a", 0, np.where(labels == 2, 0, labels))
    row = next(row for row in score(scored) if row["label"] == "2")
    assert (row["state"], row["dice"], row["voxels_prediction"]) == ("scored", "0", "0")
    assert float(row["hd95"]) == pytest.approx(DIAGONAL)


@pytest.mark.parametrize(
    "kind", [np.int16, np.float32, np.uint8], ids=["int16", "float32", "uint8"]
)
def test_whole_numbers_are_labels_whatever_their_type(scored, labels, kind):
    scored.write_prediction("a", 0, labels.astype(kind))
    assert {row["dice"] for row in score(scored)} == {"1"}


def test_an_unknown_split_is_refused(scored):
    with pytest.raises(StageError, match="no test scans"):
        score(scored, split="lodo-ge")


def test_a_damaged_label_map_names_the_scan(scored):
    (scored.canonical / "a_label.nii.gz").write_bytes(b"nothing")
    with pytest.raises(StageError, match=r"^a: its label map"):
        score(scored)


def test_scoring_needs_neither_torch_nor_monai():
    code = (
        "import sys, medinorm.score.stage\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'monai', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_ignored_voxels_count_nowhere(scored, labels):
    """Wrong voxels there change no count and no distance."""
    scored.write_prediction("a", 0, labels)
    right = score(scored)
    unknown, wrong = labels.copy(), labels.copy()
    free = np.argwhere(labels == 0)[:40].T
    unknown[tuple(free)], wrong[tuple(free)] = 255, 2
    scored.write_label("a", unknown)
    scored.write_prediction("a", 0, wrong)
    assert score(scored, ignore=9) == right
    assert score(scored) != right


def test_healthy_controls_are_right_or_false_positives(scored, labels):
    scored.write_label("a", labels * 0)
    scored.write_prediction("a", 0, labels * 0)
    scored.write_prediction("a", 1, np.where(labels == 1, 1, 0).astype(np.uint8))
    rows = score(scored, seeds=(0, 1))
    found = [(r["seed"], r["label"], r["state"], r["dice"]) for r in rows]
    assert found == [
        ("0", "1", "empty", ""),
        ("0", "2", "empty", ""),
        ("1", "1", "false_positive", "0"),
        ("1", "2", "empty", ""),
    ]
    assert rows[2]["voxels_prediction"] == str(np.count_nonzero(labels == 1))
