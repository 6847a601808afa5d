"""Which cases are shown, and what a figure says when a file is missing."""

import re

import numpy as np
import pytest

from medinorm.config import ReportConfig
from medinorm.files.nifti import Volume, write_volume
from medinorm.records.evidence import CaseRow
from medinorm.records.scans import Scan
from medinorm.records.scores import ScoreRow
from medinorm.report.sections.gallery import (
    Case,
    draw_case,
    worst_cases,
    write_gallery,
)
from medinorm.variant import Variant
from tests.report.page import words

ONE, TWO = (
    Variant("zscore", "instance", "flip", "none"),
    Variant("zscore", "batch", "flip", "none"),
)
LABELS = {1: "white matter", 2: "gray matter"}


def score(variant, scan, seed, dice, label=1, state="scored"):
    """A row of cases.tsv."""
    scores = ScoreRow(
        variant, "lodo-a", seed, scan, label, state, {"dice": dice}, 90, 90
    )
    return CaseRow(
        scores,
        "lodo",
        0,
        "lodo-a",
        "1",
        "a",
        False,
        state if state == "missing" else "none",
    )


def test_variants_take_turns_and_scans_stand_with_their_worst_seed():
    rows = [
        score(ONE, "s1", 0, 0.9),
        score(ONE, "s1", 1, 0.7),
        score(ONE, "s2", 0, 0.8),
        score(TWO, "s1", 0, 0.2),
        score(TWO, "s2", 0, 0.1),
        score(TWO, "s3", 0, 0.3),
    ]
    cases = worst_cases(rows, [ONE, TWO], 5)
    assert [(case.variant, case.scan, case.dice) for case in cases] == [
        (ONE, "s1", 0.7),
        (TWO, "s2", 0.1),
        (ONE, "s2", 0.8),
        (TWO, "s1", 0.2),
        (TWO, "s3", 0.3),
    ]
    assert cases[0].seed == 1
    assert worst_cases(rows, [ONE, TWO], 2) == cases[:2]


def test_labels_without_a_score_do_not_count():
    rows = [
        score(ONE, "s1", 0, 0.4),
        score(ONE, "s1", 0, None, label=2, state="empty"),
        score(ONE, "s2", 0, None, state="empty"),
    ]
    (case,) = worst_cases(rows, [ONE], 5)
    assert case.dice == 0.4
    assert np.isnan(case.by_label[2])
    assert not case.missing


@pytest.fixture
def case():
    """A case of scan `s`."""
    return Case(ONE, "lodo-a", 0, "s", "a", 0.5, {1: 0.5, 2: 0.5}, missing=False)


@pytest.fixture
def scan(tmp_path):
    """A scan of 12 voxels: label 1 in the middle, label 2 around it."""
    label = np.zeros((1, 12, 12, 12), dtype=np.uint8)
    label[:, 2:10, 2:10, 2:10] = 2
    label[:, 4:8, 4:8, 4:8] = 1
    paths = tmp_path / "s.nii.gz", tmp_path / "s_dseg.nii.gz"
    write_volume(Volume(label.astype(np.float32), np.eye(4)), paths[0])
    write_volume(Volume(label, np.eye(4)), paths[1])
    return Scan("s", "1", "", *paths, ("image",))


def predict(tmp_path, label, affine):
    """Write a prediction for the case."""
    folder = tmp_path.joinpath("predictions", *ONE, "lodo-a", "seed-0")
    write_volume(Volume(label, affine), folder / "s.nii.gz")


def test_the_label_with_most_wrong_voxels_is_outlined(case, scan, tmp_path):
    label = np.zeros((1, 12, 12, 12), dtype=np.uint8)
    label[:, 4:8, 4:8, 4:8] = 1  # label 2 missed altogether
    predict(tmp_path, label, np.eye(4))
    drawn = draw_case(case, scan, tmp_path / "predictions", LABELS)
    assert drawn.label == "gray matter"
    assert len(drawn.slices) == 2
    assert drawn.note == ""


def test_both_outlines_are_drawn_on_the_slice_of_greatest_difference(
    case, scan, tmp_path
):
    label = np.zeros((1, 12, 12, 12), dtype=np.uint8)
    label[:, 4:8, 4:8, 5] = 1
    predict(tmp_path, label, np.eye(4))
    drawn = draw_case(case, scan, tmp_path / "predictions", {1: "white matter"})
    bare, outlined = drawn.slices
    assert "outline" not in bare
    assert "axial slice, outlines of white matter" in outlined
    truth, guess = re.findall(r'd="([^"]*)" class="outline (?:truth|guess)"', outlined)
    assert truth == "M4 4h4M4 8h4M4 4v4M8 4v4"  # all of label 1, where
    assert guess == ""  # nothing was predicted:
    missed = re.search(r'd="([^"]*)" class="area truth"', outlined).group(1)
    assert missed == "".join(f"M4 {y}h4v1h-4z" for y in range(4, 8))


def test_prediction_on_another_grid_is_not_drawn(case, scan, tmp_path):
    label = np.ones((1, 12, 12, 12), dtype=np.uint8)
    predict(tmp_path, label, np.diag([2.0, 2.0, 2.0, 1.0]))
    drawn = draw_case(case, scan, tmp_path / "predictions", LABELS)
    assert "another voxel grid" in drawn.note
    assert len(drawn.slices) == 2


def test_missing_prediction_shows_the_label_map(case, scan, tmp_path):
    drawn = draw_case(case, scan, tmp_path, LABELS)
    assert drawn.note == "no prediction is shown: the file does not exist"
    assert len(drawn.slices) == 2


def test_missing_image_shows_nothing_but_a_note(case, scan, tmp_path):
    scan.image.unlink()
    drawn = draw_case(case, scan, tmp_path, LABELS)
    assert drawn.note == "not shown: the file does not exist"
    assert drawn.slices == ()


def test_a_missing_prediction_is_a_failure_with_a_note(fake_study):
    text = words(write_gallery.write(fake_study().inputs()))
    assert "No prediction: counted as a failure." in text
    assert "no prediction is shown: the file does not exist" in text


def test_the_gallery_can_be_left_out(fake_study):
    inputs = fake_study().inputs(settings=ReportConfig(worst_cases=0))
    assert words(write_gallery.write(inputs)) == "No case to show."
