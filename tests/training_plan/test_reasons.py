"""Each number has one plain sentence."""

import re
from dataclasses import fields, replace

from medinorm.config import AutoTrainConfig
from medinorm.records.training_plan import TrainingPlan
from medinorm.training_plan.reasons import give_reasons
from tests.records.test_training_plan import PLAN


def reasons(train=None, spacing="why not.", **changes):
    plan = replace(PLAN, **changes)
    return give_reasons(plan, train or AutoTrainConfig(), spacing).reasons


def test_each_number_has_a_sentence():
    numbers = {field.name for field in fields(TrainingPlan)} - {"reasons", "facts"}
    sentences = reasons()
    assert sentences.keys() == numbers
    for text in sentences.values():
        assert re.fullmatch(r"[A-Z0-9][^\n]*\.", text)
    assert sentences["spacing"] == "Why not."


def test_a_number_of_the_study_says_so():
    own = reasons(AutoTrainConfig(steps=5), spacing=None)
    assert own["steps"] == own["spacing"] == "Set in the configuration."
    assert own["patch"] != own["steps"]


def test_sentences_follow_the_numbers():
    thin, thick = reasons(), reasons(kernels=((3, 3, 3),) * 3, strides=((2, 2, 2),) * 2)
    assert "one voxel along" in thin["kernels"].lower()
    assert "three voxels along" in thick["kernels"].lower()
    assert "S is pooled less often" in thin["strides"]
    assert "halved together" in thick["strides"]
    assert reasons(foreground_ratio=0.0) != reasons()
    assert reasons(batch_size=5)["batch_size"] != reasons()["batch_size"]
