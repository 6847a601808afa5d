"""Settings without `auto` and with one learning rate, as all later stages see them."""

import math
from pathlib import Path

from medinorm.config import (
    AutoHarmonizeConfig,
    AutoTrainConfig,
    HarmonizeConfig,
    TrainConfig,
)
from medinorm.config.numbers import AUTO
from medinorm.config.section import parse_section
from medinorm.errors import ConfigError
from medinorm.records.training_plan import TrainingPlan, read_training_plan


def resolve_harmonize(
    settings: AutoHarmonizeConfig, training_plan: Path | None
) -> HarmonizeConfig:
    """The settings of harmonize with the plan's spacing, where they name none.

    Raises:
        ConfigError: the spacing is `auto` and there is no plan.
        StageError: the plan is missing or damaged.
    """
    values = settings.model_dump()
    if values["spacing"] == AUTO:
        plan = _read(training_plan, "spacing")
        values["spacing"] = plan.spacing
    return parse_section(HarmonizeConfig, values)


def resolve_train(
    settings: AutoTrainConfig, training_plan: Path | None, rate: float | None = None
) -> TrainConfig:
    """The settings of training with the plan's numbers, where they name none.

    Args:
        settings: as the study has them.
        training_plan: the plan, if it decides something.
        rate: the learning rate; needed where they name several.

    Raises:
        ConfigError: a number is `auto` and there is no plan, or one of several learning
            rates must be chosen first.
        StageError: the plan is missing or damaged.
    """
    if rate is None and settings.searches_rate:
        raise ConfigError(
            "learning_rate: a list needs --learning-rates, the table that medinorm "
            "choose-rate writes; or give one number"
        )
    values = settings.model_dump()
    values["learning_rate"] = rate or settings.learning_rate
    network = values["network"]
    if not settings.network.uses("strides"):  # its levels are alike
        network |= {"strides": (), "kernels": ()}
    own, of_network = settings.left_to_plan, settings.network.left_to_plan
    if names := (*own, *of_network):
        plan = _read(training_plan, names[0])
        values |= {name: getattr(plan, name) for name in own}
        network |= {name: getattr(plan, name) for name in of_network}
    if values["checkpoint_steps"] == AUTO:
        values["checkpoint_steps"] = max(50, values["steps"] // 40)
    resolved = parse_section(TrainConfig, values)
    shrunk = zip(*resolved.network.level_strides, strict=True)
    if any(n % math.prod(by) for n, by in zip(resolved.patch, shrunk, strict=True)):
        raise ConfigError(
            "patch: the strides of the network do not divide it; run medinorm "
            "training-plan again with these settings"
        )
    return resolved


def _read(training_plan: Path | None, name: str) -> TrainingPlan:
    """The plan that decides about a key.

    Raises:
        ConfigError: there is none.
    """
    if training_plan is None:
        raise ConfigError(
            f"{name}: auto needs --training-plan, the file that medinorm training-plan "
            "writes; or give a number"
        )
    return read_training_plan(training_plan)
