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


def test_what_does_not_fit_is_not_said_to_fit():
    costly = replace(PLAN.facts, memory=0.3, memory_used=0.41)
    assert "no training fits the budget" in reasons(facts=costly)["channels"]
    slow = replace(PLAN.facts, minutes=1.0, seconds_per_step=60.0)
    assert "no training fits the budget" in reasons(facts=slow)["channels"]
    assert "the widest first level" in reasons()["channels"]


def test_sentences_follow_the_numbers():
    thin, thick = reasons(), reasons(kernels=((3, 3, 3),) * 3, strides=((2, 2, 2),) * 2)
    assert "one voxel along" in thin["kernels"].lower()
    assert "three voxels along" in thick["kernels"].lower()
    assert "S is pooled less often" in thin["strides"]
    assert "halved together" in thick["strides"]
    assert reasons(foreground_ratio=0.0) != reasons()
    assert reasons(batch_size=5)["batch_size"] != reasons()["batch_size"]


def test_devices_are_named():
    shared = replace(PLAN.facts, processes=3)
    assert "on CPUs, 3 processes of" in reasons(facts=shared)["steps"]
    cards = replace(shared, where="card")
    assert "on 3 graphics cards" in reasons(facts=cards)["steps"]
    assert "for each device" in reasons(facts=shared, batch_size=3)["batch_size"]
