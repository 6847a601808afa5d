"""The plan fits the scans and the budget, and keeps what the study sets."""

import math

import pytest

from medinorm.config import AutoTrainConfig
from medinorm.training_plan.machine import Budget
from medinorm.training_plan.planner import plan_training

CPU = Budget(card=False, memory=2.0, minutes=20.0, threads=1)
CARD = Budget(card=True, memory=24.0, minutes=20.0, threads=1)


@pytest.fixture
def brains(make_cohort):
    """Large scans of 1 mm."""
    return make_cohort(("a", (240, 240, 155), (1.0, 1.0, 1.0), 40))


def plan(cohort, budget=CPU, spacing="auto", **train):
    return plan_training(cohort, spacing, AutoTrainConfig(**train), budget)


def seconds(planned):
    return planned.steps * planned.facts.seconds_per_step


def test_the_hippocampus_is_trained_whole(hippocampus):
    planned = plan(hippocampus)
    assert planned.spacing == (1.0, 1.0, 1.0)
    assert planned.patch == (28, 40, 28)
    assert planned.steps >= 5000
    assert planned.foreground_ratio == 0
    assert 0.7 * 1200 < seconds(planned) <= 1200


@pytest.mark.parametrize("budget", [CPU, CARD])
@pytest.mark.parametrize("minutes", [1, 20, 600])
def test_the_budget_is_kept_and_used(brains, budget, minutes):
    own = Budget(budget.card, budget.memory, minutes, 1)
    planned = plan(brains, own)
    assert planned.facts.memory_used <= own.memory
    assert 0.5 * minutes * 60 < seconds(planned) <= minutes * 60


def test_more_time_gives_more_voxels_or_channels(brains):
    few, many = (plan(brains, Budget(False, 2.0, minutes, 1)) for minutes in (20, 2000))
    assert math.prod(few.patch) < math.prod(many.patch)
    assert few.channels[0] <= many.channels[0]
    assert few.steps >= 5000


def test_little_memory_gives_a_smaller_patch(brains):
    roomy, narrow = (
        plan(brains, Budget(True, memory, 600, 1)) for memory in (24.0, 0.6)
    )
    assert math.prod(narrow.patch) * narrow.batch_size < (
        math.prod(roomy.patch) * roomy.batch_size
    )
    assert narrow.facts.memory_used <= 0.6


def test_a_patch_is_not_deeper_than_the_shallow_scans(make_cohort):
    cohort = make_cohort(
        ("deep", (64, 64, 40), (1.0, 1.0, 4.0), 40),
        ("thin", (64, 64, 9), (1.0, 1.0, 4.0), 4),
    )
    planned = plan(cohort)
    assert planned.patch[2] <= 9
    assert math.prod(stride[2] for stride in planned.strides) <= 2
    assert planned.kernels[0] == (3, 3, 1)
    assert "S is pooled less often" in planned.reasons["strides"]


def test_numbers_of_the_study_are_kept_and_the_rest_fits_them(brains):
    planned = plan(
        brains,
        spacing=(2.0, 2.0, 3.0),
        network={"channels": [4, 8, 16]},
        patch=(48, 48, 24),
        batch_size=3,
        steps=77,
        foreground_ratio=0.9,
    )
    assert planned.spacing == (2.0, 2.0, 3.0)
    assert planned.channels == (4, 8, 16)
    assert (planned.patch, planned.batch_size, planned.steps) == ((48, 48, 24), 3, 77)
    assert planned.foreground_ratio == 0.9
    assert planned.strides == ((2, 2, 2), (2, 2, 2))
    own = {name for name, why in planned.reasons.items() if "configuration" in why}
    assert own == {
        *("spacing", "channels", "patch", "batch_size", "steps", "foreground_ratio")
    }


def test_the_demo_trains_as_before(make_cohort):
    planned = plan(
        make_cohort(("a", (60, 72, 60), (3.0, 3.0, 3.0), 9)),
        spacing=(3.0, 3.0, 3.0),
        network={"channels": [16, 32, 64, 128]},
        patch=(48, 48, 48),
        steps=200,
        batch_size=2,
    )
    assert planned.strides == ((2, 2, 2),) * 3
    assert planned.kernels == ((3, 3, 3),) * 4


def test_few_steps_of_the_study_allow_a_larger_network(brains):
    assert plan(brains, steps=300).channels[0] > plan(brains).channels[0]


def test_a_mini_batch_shows_a_small_part_of_all_scans(make_cohort):
    few = make_cohort(("a", (32, 32, 32), (1.0, 1.0, 1.0), 4))
    assert plan(few, CARD).batch_size == 2
    many = make_cohort(("a", (32, 32, 32), (1.0, 1.0, 1.0), 400))
    assert plan(many, CARD).batch_size > 2


def test_processes_share_a_mini_batch_and_its_time(brains):
    alone, three = (
        plan(brains, Budget(False, 2.0, 20.0, 1, processes), patch=(48, 48, 48))
        for processes in (1, 3)
    )
    assert alone.batch_size == 2
    assert three.batch_size % 3 == 0
    assert three.facts.processes == 3
    assert three.steps > alone.steps  # a patch for each, where one had two
    assert three.facts.memory_used < alone.facts.memory_used
