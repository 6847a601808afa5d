"""A plan knows the headers of training scans, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from medinorm.config import AutoTrainConfig, BudgetConfig, GridConfig
from medinorm.files.nifti import Volume, read_volume, write_volume
from medinorm.files.records import read_records, write_records
from medinorm.records.scans import ScanRow, SplitRow
from medinorm.records.training_plan import read_training_plan
from medinorm.training_plan.stage import write_plan

TRAIN = AutoTrainConfig(budget=BudgetConfig(where="cpu", memory=2))


@pytest.fixture
def make_plan(small_study):
    """Makes the plan of the small study; its bytes."""
    path = small_study.folder / "training_plan.json"

    def make(train=TRAIN, **grid):
        write_plan(
            small_study.scans,
            small_study.canonical,
            small_study.splits,
            path,
            grid=GridConfig(**grid),
            train=train,
        )
        return path.read_bytes()

    make.path = path
    return make


def only_testing(small_study):
    rows = read_records(small_study.splits, SplitRow)
    training = {row.scan for row in rows if row.role == "train"}
    return sorted({row.scan for row in rows} - training), sorted(training)


def change_header(small_study, scan, spacing):
    path = small_study.canonical / f"{scan}.nii.gz"
    array = read_volume(path).array[..., :12]
    write_volume(Volume(array, np.diag([*spacing, 1.0])), path)


def test_the_plan_is_made_again_with_the_same_bytes(make_plan):
    first = make_plan()
    assert make_plan() == first
    plan = read_training_plan(make_plan.path)
    assert plan.spacing == (1.0, 1.0, 1.0)
    assert plan.patch == (24, 24, 24)
    assert (plan.facts.scans, plan.facts.domains) == (4, 2)


def test_no_label_map_is_read(make_plan, small_study):
    first = make_plan()
    for path in small_study.canonical.glob("*_dseg.*"):
        path.write_bytes(b"changed")
    rows = read_records(small_study.scans, ScanRow)
    write_records(
        small_study.scans,
        [replace(r, label=None, content="new") for r in rows],
        ScanRow,
    )
    assert make_plan() == first


def test_no_test_scan_is_read(make_plan, small_study):
    first = make_plan()
    testing, _ = only_testing(small_study)
    change_header(small_study, testing[0], (9.0, 9.0, 9.0))
    assert make_plan() == first
    for scan in testing:
        (small_study.canonical / f"{scan}.nii.gz").unlink()
    assert make_plan() == first
    rows = read_records(small_study.scans, ScanRow)
    write_records(
        small_study.scans, [row for row in rows if row.scan not in testing], ScanRow
    )
    assert make_plan() == first


def test_a_domain_that_never_trains_is_not_read(make_plan, small_study):
    first = make_plan()
    rows = read_records(small_study.splits, SplitRow)
    outside = replace(rows[0], scan="sub-9", subject="9", domain="z", role="test")
    write_records(small_study.splits, [*rows, outside], SplitRow)
    assert make_plan() == first


@pytest.mark.parametrize("number", [0, 3])
def test_a_training_scan_counts(make_plan, small_study, number):
    first = make_plan()
    _, training = only_testing(small_study)
    change_header(small_study, training[number], (1.5, 1.5, 1.5))
    assert make_plan() != first


def test_numbers_of_the_study_and_the_budget_count(make_plan):
    first = make_plan()
    assert make_plan(spacing=(2.0, 2.0, 2.0)) != first
    assert read_training_plan(make_plan.path).patch == (12, 12, 12)
    other = TRAIN.model_copy(update={"budget": BudgetConfig(where="cpu", minutes=2)})
    assert make_plan(other) != first
