"""A plan comes back as it was written; a damaged one is refused in one line."""

import json
from dataclasses import replace

import pytest

from medinorm.errors import DamagedError, StageError
from medinorm.files.checksums import checksum_path
from medinorm.records.training_plan import (
    PlanFacts,
    TrainingPlan,
    read_training_plan,
    write_training_plan,
)

FACTS = PlanFacts(
    scans=7,
    domains=2,
    median_spacing=(1.0, 1.0, 4.0),
    median_extent=(90, 80, 20),
    least_extent=(88, 80, 16),
    where="cpu",
    memory=2.0,
    minutes=20.0,
    threads=1,
    seconds_per_step=0.1,
    memory_used=0.5,
)
PLAN = TrainingPlan(
    spacing=(1.0, 1.0, 4.0),
    patch=(64, 64, 16),
    batch_size=2,
    channels=(16, 32, 64),
    strides=((2, 2, 1), (2, 2, 2)),
    kernels=((3, 3, 1), (3, 3, 3), (3, 3, 3)),
    steps=5000,
    foreground_ratio=0.33,
    reasons={"steps": "Because."},
    facts=FACTS,
)


def test_a_plan_comes_back(tmp_path):
    path = tmp_path / "plan.json"
    write_training_plan(path, PLAN)
    assert read_training_plan(path) == PLAN
    assert json.loads(path.read_text())["levels"] == PLAN.levels == 3


def test_a_changed_plan_is_refused_and_made_again(tmp_path):
    path = tmp_path / "plan.json"
    write_training_plan(path, PLAN)
    path.write_text(path.read_text().replace("5000", "9000"))
    with pytest.raises(DamagedError, match="the training plan was changed"):
        read_training_plan(path)
    assert not path.exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"patch": [1, 2, 3]}', '"plan"'])
def test_what_is_no_plan_is_refused(tmp_path, content):
    path = tmp_path / "sub-7.json"
    path.write_text(content)
    with pytest.raises(StageError, match="the training plan is damaged") as caught:
        read_training_plan(path)
    assert "sub-7" not in str(caught.value)


def test_a_plan_that_is_not_there(tmp_path):
    with pytest.raises(StageError, match="run medinorm training-plan"):
        read_training_plan(tmp_path / "plan.json")


def test_a_plan_of_another_version_is_refused(tmp_path):
    path = tmp_path / "plan.json"
    write_training_plan(path, replace(PLAN, steps=1))
    values = json.loads(path.read_text())
    del values["facts"]["threads"]
    path.write_text(json.dumps(values))
    checksum_path(path).unlink()
    with pytest.raises(StageError, match="another version"):
        read_training_plan(path)
