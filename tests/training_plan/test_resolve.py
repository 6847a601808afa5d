"""What a study leaves to the plan is taken from it; all else stays."""

import pytest

from medinorm.config import (
    AutoHarmonizeConfig,
    AutoTrainConfig,
    HarmonizeConfig,
    TrainConfig,
)
from medinorm.errors import ConfigError
from medinorm.records.training_plan import write_training_plan
from medinorm.training_plan.resolve import resolve_harmonize, resolve_train
from tests.records.test_training_plan import PLAN

NAMES = ("patch", "batch_size", "steps", "foreground_ratio")


@pytest.fixture
def plan(tmp_path):
    """A plan on disk."""
    path = tmp_path / "training_plan.json"
    write_training_plan(path, PLAN)
    return path


def test_all_that_is_left_to_the_plan_comes_from_it(plan):
    resolved = resolve_train(AutoTrainConfig(), plan)
    assert type(resolved) is TrainConfig
    assert [getattr(resolved, n) for n in NAMES] == [getattr(PLAN, n) for n in NAMES]
    for name in ("channels", "strides", "kernels"):
        assert getattr(resolved.network, name) == getattr(PLAN, name)
    assert resolve_harmonize(AutoHarmonizeConfig(), plan).spacing == PLAN.spacing


def test_numbers_of_the_study_stay(plan):
    settings = AutoTrainConfig(steps=9, learning_rate=0.5, shots=4)
    resolved = resolve_train(settings, plan)
    assert (resolved.steps, resolved.learning_rate, resolved.shots) == (9, 0.5, 4)
    own = AutoHarmonizeConfig(spacing=(3, 3, 3), foreground="image")
    assert resolve_harmonize(own, plan).spacing == (3, 3, 3)
    assert resolve_harmonize(own, None).foreground == "image"


@pytest.mark.parametrize(
    ("steps", "interval", "wanted"),
    [(200, "auto", 50), (14000, "auto", 350), (14000, 7, 7)],
)
def test_long_runs_are_not_saved_all_the_time(plan, steps, interval, wanted):
    settings = AutoTrainConfig(steps=steps, checkpoint_steps=interval)
    assert resolve_train(settings, plan).checkpoint_steps == wanted


@pytest.mark.parametrize("name", NAMES)
def test_without_a_plan_each_number_must_be_set(name):
    numbers = TrainConfig().model_dump() | {name: "auto"}
    with pytest.raises(ConfigError, match=f"^{name}: auto needs --training-plan"):
        resolve_train(AutoTrainConfig(**numbers), None)


def test_complete_settings_need_no_plan():
    assert resolve_train(TrainConfig(steps=3), None) == TrainConfig(steps=3)
    assert resolve_harmonize(HarmonizeConfig(), None) == HarmonizeConfig()
    with pytest.raises(ConfigError, match=r"^spacing: auto needs"):
        resolve_harmonize(AutoHarmonizeConfig(), None)


def test_networks_without_strides_need_none():
    numbers = {name: getattr(TrainConfig(), name) for name in NAMES}
    network = {"name": "segresnet", "channels": (4, 8)}
    resolved = resolve_train(AutoTrainConfig(network=network, **numbers), None)
    assert resolved.network.strides == ()
    assert resolved.network.level_strides == ((2, 2, 2),)


def test_a_plan_of_other_settings_is_refused(plan):
    with pytest.raises(ConfigError, match="patch: the strides of the network do not"):
        resolve_train(AutoTrainConfig(patch=(64, 63, 16)), plan)
    with pytest.raises(ConfigError, match="strides needs 1 entries"):
        resolve_train(AutoTrainConfig(network={"channels": (4, 8)}), plan)


def test_the_resolved_settings_cannot_hold_auto():
    with pytest.raises(ValueError, match="patch"):
        TrainConfig(patch="auto")
    with pytest.raises(ValueError, match="spacing"):
        HarmonizeConfig(spacing="auto")


def test_one_of_several_learning_rates_must_be_chosen_first():
    several = AutoTrainConfig.model_validate(
        {**TrainConfig().model_dump(), "learning_rate": (0.01, 0.03)}
    )
    with pytest.raises(ConfigError, match="a list needs --learning-rates"):
        resolve_train(several, None)
    assert resolve_train(several, None, 0.03).learning_rate == 0.03
