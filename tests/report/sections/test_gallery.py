"""Which cases are shown, and what a figure says when a file is missing."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from medinorm.columns.cases import Cases
from medinorm.config import ReportConfig
from medinorm.files.nifti import Volume, read_volume, write_volume
from medinorm.records.evidence import CaseRow
from medinorm.records.scans import Scan
from medinorm.records.scores import ScoreRow
from medinorm.report.sections.gallery import (
    Case,
    choose_cases,
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


def score(variant, scan, seed, dice, *, label=1, state="scored", domain="a"):
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
        domain,
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
    cases = worst_cases(Cases.of(rows), [ONE, TWO], 5)
    assert [(case.variant, case.scan, case.dice) for case in cases] == [
        (ONE, "s1", 0.7),
        (TWO, "s2", 0.1),
        (ONE, "s2", 0.8),
        (TWO, "s1", 0.2),
        (TWO, "s3", 0.3),
    ]
    assert cases[0].seed == 1
    assert worst_cases(Cases.of(rows), [ONE, TWO], 2) == cases[:2]


def test_labels_without_a_score_do_not_count():
    rows = [
        score(ONE, "s1", 0, 0.4),
        score(ONE, "s1", 0, None, label=2, state="empty"),
        score(ONE, "s2", 0, None, state="empty"),
    ]
    (case,) = worst_cases(Cases.of(rows), [ONE], 5)
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


def test_each_domain_shows_worst_and_median_of_the_best_variant():
    rows = [
        *(score(ONE, f"a{i}", 0, 0.1 * i) for i in range(1, 6)),
        *(score(ONE, f"b{i}", 0, 0.5 + 0.1 * i, domain="b") for i in range(2)),
        score(ONE, "a3", 1, 0.35),  # a better seed of a scan does not count
        score(TWO, "a1", 0, 0.2),
        score(TWO, "a2", 0, 0.15),
    ]
    groups = choose_cases(Cases.of(rows), [ONE, TWO], 1)
    chosen = [
        (
            group.heading,
            [(word, case.variant.norm, case.scan) for word, case in group.cases],
        )
        for group in groups
    ]
    assert chosen == [
        ("a", [("Worst: ", "instance", "a1"), ("Median: ", "instance", "a3")]),
        ("b", [("Worst: ", "instance", "b0")]),
        ("Other variants", [("", "batch", "a2")]),
    ]
    assert choose_cases(Cases.of(rows), [ONE, TWO], 0) == []


def test_the_label_that_failed_is_outlined(case, scan, tmp_path):
    """It is the one with the lowest Dice, not the largest."""
    label = np.zeros((1, 12, 12, 12), dtype=np.uint8)
    predict(tmp_path, label, np.eye(4))
    failed = replace(case, by_label={1: 0.1, 2: 0.4})
    drawn = draw_case(failed, scan, tmp_path / "predictions", LABELS)
    assert (drawn.label, drawn.plane) == ("white matter", "axial")
    unknown = replace(case, by_label={1: math.nan, 2: 0.4})
    assert draw_case(unknown, scan, tmp_path / "predictions", LABELS).label == (
        "gray matter"
    )
    assert drawn.note == ""


def test_of_equal_labels_the_one_with_most_wrong_voxels_is_outlined(
    case, scan, tmp_path
):
    label = np.zeros((1, 12, 12, 12), dtype=np.uint8)
    label[:, 4:8, 4:8, 4:8] = 1  # label 2 missed altogether
    predict(tmp_path, label, np.eye(4))
    drawn = draw_case(case, scan, tmp_path / "predictions", LABELS)
    assert drawn.label == "gray matter"


def outlines(drawn):
    """The path of each outline by its class, and the bare half."""
    (shown,) = drawn.slices
    bare, outlined = re.sub("<style>.*?</style>", "", shown).split("<use")
    assert "outline " not in bare
    found = re.findall(r'd="([^"]*)" class="outline (\w+)"', outlined)
    return {name: path for path, name in found}, bare


def test_both_outlines_are_drawn_on_the_slice_of_greatest_difference(
    case, scan, tmp_path
):
    label = np.zeros((1, 12, 12, 12), dtype=np.uint8)
    label[:, 4:8, 4:8, 5] = 1
    predict(tmp_path, label, np.eye(4))
    drawn = draw_case(case, scan, tmp_path / "predictions", {1: "white matter"})
    paths, bare = outlines(drawn)
    assert "axial slice, bare and with outlines of white matter" in bare
    # All of label 1, where nothing was predicted; nothing covers what is inside.
    assert paths == {"casing": "M4 4h4v4h-4z", "truth": "M4 4h4v4h-4z"}


def test_the_slice_is_in_the_plane_of_acquisition(case, scan, tmp_path):
    sagittal = np.diag([5.0, 1.0, 1.0, 1.0])
    for path in (scan.image, scan.label):
        volume = read_volume(path)
        write_volume(Volume(volume.array, sagittal), path)
    drawn = draw_case(case, scan, tmp_path, LABELS)
    assert drawn.plane == "sagittal"


def test_prediction_on_another_grid_is_not_drawn(case, scan, tmp_path):
    label = np.ones((1, 12, 12, 12), dtype=np.uint8)
    predict(tmp_path, label, np.diag([2.0, 2.0, 2.0, 1.0]))
    drawn = draw_case(case, scan, tmp_path / "predictions", LABELS)
    assert "another voxel grid" in drawn.note
    assert len(drawn.slices) == 1


def test_missing_prediction_shows_the_label_map(case, scan, tmp_path):
    drawn = draw_case(case, scan, tmp_path, LABELS)
    assert drawn.note == "no prediction is shown: the file does not exist"
    assert len(drawn.slices) == 1


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
