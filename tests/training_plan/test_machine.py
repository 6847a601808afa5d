"""The budget: what the study says, and this machine's numbers for the rest."""

import pytest

from medinorm.config import AutoTrainConfig, BudgetConfig
from medinorm.training_plan import machine


@pytest.fixture
def card(monkeypatch):
    """Sets the memory of this machine's card."""
    return lambda memory: monkeypatch.setattr(machine, "measure_card", lambda: memory)


def budget_of(device="auto", threads=1, **values):
    train = AutoTrainConfig(
        device=device, threads=threads, budget=BudgetConfig(**values)
    )
    return machine.read_budget(train)


def test_a_machine_without_a_card_trains_on_its_cores(card):
    card(None)
    budget = budget_of(threads=2, minutes=7)
    assert (budget.where, budget.minutes, budget.threads) == ("cpu", 7, 2)
    assert budget.memory == 2 * machine.memory_of_core() > 1


def test_a_card_is_used_where_training_may_use_it(card):
    card(79.0)
    assert (budget_of().where, budget_of().memory) == ("card", 79)
    assert budget_of(device="cpu").where == "cpu"
    assert budget_of(where="cpu").where == "cpu"


def test_a_plan_can_be_made_for_another_machine(card):
    card(None)
    assert budget_of(where="card", memory=24).memory == 24
    assert budget_of(where="card").memory == 8
    assert budget_of(where="cpu", memory=3).memory == 3


def test_a_card_that_does_not_answer_is_none(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert machine.measure_card() is None
    program.write_text("#!/bin/sh\necho 81559\necho 24576\n")
    assert machine.measure_card() == 24
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert machine.measure_card() is None
