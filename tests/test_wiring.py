"""What the Snakefile is told: jobs for every variant, and no job twice."""

import pytest

from medinorm.config import parse_study
from medinorm.layout import Layout, map_of
from medinorm.scan import SPLIT_COLUMNS
from medinorm.tables import write_table
from medinorm.wiring import Wiring


def wiring(**values):
    study = parse_study(values)
    return Wiring(study, Layout.of(study))


@pytest.fixture
def splits(tmp_path):
    path = tmp_path / "splits.tsv"
    rows = [{"split": name, "scan": n} for name in ("lodo-a", "pooled") for n in "xy"]
    write_table(path, rows, SPLIT_COLUMNS)
    return str(path)


def test_every_combination_is_scored_once(splits):
    experiments = {
        "intensity": ["none", "zscore"],
        "norm": ["batch", "instance"],
        "adapt": ["none", "batch_statistics"],
        "seeds": [0, 1, 2, 3],
        "runs_per_job": 3,
    }
    scores = wiring(experiments=experiments).scores(splits)
    assert len(scores) == len(set(scores)) == 2 * (2 + 1) * 2 * 2
    assert not [path for path in scores if "instance/batch_statistics" in path]


def test_the_last_job_takes_the_seeds_that_are_left():
    study = wiring(experiments={"seeds": [5, 6, 7, 8], "runs_per_job": 3})
    assert [study.seeds("0"), study.seeds("1")] == ["5 6 7", "8"]


def test_more_seeds_leave_the_first_jobs_as_they_are():
    few = wiring(experiments={"seeds": [0, 1, 2]})
    more = wiring(experiments={"seeds": [0, 1, 2, 3, 4]})
    assert few.seeds("0") == more.seeds("0")


def test_fitted_methods_are_harmonized_for_each_split():
    assert map_of("population", "pooled") == "pooled"
    assert wiring().fitted("population", "pooled") == [
        "results/maps/population/pooled.json"
    ]
    assert wiring().fitted("zscore", "shared") == []


def test_the_demo_is_read_as_dicom():
    given = wiring().input
    assert [str(path) for path in given.dicom] == ["private/demo/dicom"]
    assert str(given.labels) == "private/demo/labels.tsv"
    own = wiring(input={"scans": "mine.tsv"})
    assert own.input_tables == ["mine.tsv"]
    assert not own.input.dicom
