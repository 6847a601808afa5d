"""Scores as nnU-Net writes them: counts by hand, and what it calls them."""

import pytest

from medinorm.records.scores import ScoreRow
from medinorm.score.nnunet_summary import summarize_as_nnunet
from medinorm.variant import Variant

VARIANT = Variant("zscore", "batch", "flip", "none")


def row(scan, label, counts, dice, state="scored", seed=0):
    """`counts`: voxels in the reference and in the prediction."""
    return ScoreRow(
        VARIANT, "pooled", seed, scan, label, state, {"dice": dice}, *counts
    )


ROWS = [
    row("a", 1, (10, 12), 2 * 8 / 22),
    row("a", 2, (4, 4), 1.0),
    row("b", 1, (6, None), 0.0, "missing"),
    row("b", 2, (0, 0), None, "empty"),
]


def test_counts_by_hand():
    summary = summarize_as_nnunet(ROWS, {"a": 100, "b": 50})
    first, second = (case["metrics"] for case in summary["metric_per_case"])
    assert first["1"] == {
        "TP": 8,
        "FP": 4,
        "FN": 2,
        "TN": 86,
        "n_pred": 12,
        "n_ref": 10,
        "Dice": 16 / 22,
        "IoU": 8 / 14,
    }
    assert second["1"] == {
        "TP": 0,
        "FP": 0,
        "FN": 6,
        "TN": 44,
        "n_pred": 0,
        "n_ref": 6,
        "Dice": 0.0,
        "IoU": 0.0,
    }
    assert (second["2"]["Dice"], second["2"]["TN"]) == (None, 50)


def test_means_leave_out_what_is_in_neither_map():
    summary = summarize_as_nnunet(ROWS, {"a": 100, "b": 50})
    assert summary["mean"]["2"]["Dice"] == 1.0
    assert summary["mean"]["1"]["Dice"] == pytest.approx(8 / 22)
    assert summary["mean"]["1"]["TP"] == 4
    assert summary["foreground_mean"]["Dice"] == pytest.approx((1 + 8 / 22) / 2)
    names = {"Dice", "IoU", "TP", "FP", "FN", "TN", "n_pred", "n_ref"}
    assert set(summary["foreground_mean"]) == names


def test_each_case_names_its_files_without_folders():
    again = [row("a", label, (10, 12), 0.0, seed=7) for label in (1, 2)]
    rows = [*ROWS, *again]
    cases = summarize_as_nnunet(rows, {"a": 100, "b": 50})["metric_per_case"]
    files = [(case["prediction_file"], case["reference_file"]) for case in cases]
    assert files[-1] == ("seed-7/a.nii.gz", "a.nii.gz")


def test_a_label_that_never_occurs_has_no_mean():
    summary = summarize_as_nnunet(ROWS[3:], {"b": 50})
    assert summary["mean"]["2"]["Dice"] is None
    assert summary["foreground_mean"]["Dice"] is None
