"""Settings in which the training plan has decided: no later stage sees `auto`."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def resolve_train(settings: AutoTrainConfig, training_plan: Path | None) -> TrainConfig:
    """The settings of training with the plan's numbers, where they name none.

    Raises:
        ConfigError: a number is `auto` and there is no plan.
        StageError: the plan is missing or damaged.
    """
    values = settings.model_dump()
    network = values["network"]
    if not settings.network.uses("strides"):  # its levels are alike
        network |= {"strides": (), "kernels": ()}
    if names := _left_to_plan(values) | _left_to_plan(network):
        plan = _read(training_plan, min(names))
        for section in (values, network):
            for name in _left_to_plan(section):
                section[name] = getattr(plan, name)
    resolved = parse_section(TrainConfig, values)
    shrunk = zip(*resolved.network.level_strides, strict=True)
    if any(n % math.prod(by) for n, by in zip(resolved.patch, shrunk, strict=True)):
        raise ConfigError(
            "patch: the strides of the network do not divide it; run medinorm "
            "training-plan again with these settings"
        )
    return resolved


def _left_to_plan(values: Mapping[str, Any]) -> set[str]:
    """The keys of a section that are `auto` until a plan decides."""
    planned = {"patch", "batch_size", "steps", "foreground_ratio"}
    planned |= {"channels", "strides", "kernels"}
    return {name for name in planned & values.keys() if values[name] == AUTO}


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
