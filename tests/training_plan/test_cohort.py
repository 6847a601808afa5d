"""Headers of training scans, each domain with the same weight."""

import numpy as np
import pytest

from medinorm.errors import DamagedError, StageError
from medinorm.files.nifti import Volume, write_volume
from medinorm.files.records import read_records
from medinorm.records.scans import SplitRow, read_scans
from medinorm.training_plan.cohort import (
    ScanHeader,
    read_cohort,
    read_header,
    weighted_quantile,
)

FINE, THICK = (1.0, 1.0, 1.0), (1.0, 1.0, 5.0)


def test_many_scans_of_one_domain_do_not_outvote_the_others(make_cohort):
    cohort = make_cohort(
        ("many", (9, 9, 9), FINE, 50),
        ("a", (9, 9, 9), THICK, 2),
        ("b", (9, 9, 9), THICK, 3),
    )
    assert cohort.spacing_at(0.5) == THICK
    assert make_cohort(("x", (9, 9, 9), FINE, 5)).spacing_at(0.5) == FINE


def test_the_least_extent_is_that_of_the_shallowest_domain(make_cohort):
    cohort = make_cohort(
        ("deep", (40, 40, 40), FINE, 30),
        ("shallow", (50, 50, 12), FINE, 19),
        ("shallow", (50, 50, 4), FINE, 1),  # one in twenty
    )
    assert cohort.least_extent(FINE) == (40, 40, 12)
    assert cohort.least_extent((1.0, 1.0, 2.0))[2] == 6


def test_extents_are_those_of_harmonize():
    header = ScanHeader("a", (40, 40, 11), (0.9, 1.0, 5.0))
    assert header.extent((1.0, 1.0, 3.0)) == (36, 40, 18)


def test_quantiles_of_weights():
    values = [(1.0, 1.0), (2.0, 1.0), (3.0, 2.0)]
    assert [weighted_quantile(values, q) for q in (0, 0.25, 0.5, 0.51, 1)] == [
        1,
        1,
        2,
        3,
        3,
    ]


def test_axes_are_those_of_the_patient(tmp_path):
    affine = np.zeros((4, 4))
    # stored as A, S, R
    affine[1, 0], affine[2, 1], affine[0, 2], affine[3, 3] = 2.0, -3.0, 0.5, 1
    path = tmp_path / "sub-1.nii.gz"
    write_volume(Volume(np.zeros((1, 4, 5, 6), np.float32), affine), path)
    header = read_header(path, "a")
    assert header == ScanHeader("a", (6, 4, 5), (0.5, 2.0, 3.0))


def test_only_scans_that_train_are_opened(small_study):
    rows = read_records(small_study.splits, SplitRow)
    training = {row.scan for row in rows if row.role == "train"}
    assert training < set(small_study.ids)
    for scan in set(small_study.ids) - training:
        (small_study.canonical / f"{scan}.nii.gz").unlink()
    for label in small_study.canonical.glob("*_dseg.nii.gz"):
        label.unlink()
    cohort = read_cohort(read_scans(small_study.scans, small_study.canonical), rows)
    assert len(cohort.headers) == len(training)
    assert cohort.domains == ("a", "b")


def test_a_damaged_header_is_named(small_study):
    image = small_study.canonical / f"{small_study.ids[0]}.nii.gz"
    image.write_bytes(b"no image")
    with pytest.raises(DamagedError, match="is damaged since it was made"):
        read_header(image, "a")


def test_tables_that_do_not_fit(small_study):
    scans = read_scans(small_study.scans, small_study.canonical)
    rows = read_records(small_study.splits, SplitRow)
    with pytest.raises(StageError, match="no scan trains"):
        read_cohort(scans, [row for row in rows if row.role == "test"])
    with pytest.raises(StageError, match=r"training scans are not in scans\.tsv"):
        read_cohort({}, rows)
