"""Optimizers and schedules do what their names say."""

import pytest
from torch import nn

from medinorm.config import TrainConfig
from medinorm.train.optimizers import make_optimizer, make_schedule


def rates(schedule):
    settings = TrainConfig(steps=20, schedule=schedule, learning_rate=0.1)
    optimizer = make_optimizer(nn.Linear(2, 1).parameters(), settings)
    plan = make_schedule(optimizer, settings)
    seen = []
    for _ in range(settings.steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        plan.step()
    return seen, optimizer.param_groups[0]["lr"]


def test_polynomial_and_cosine_fall_to_zero():
    polynomial, after_polynomial = rates("polynomial")
    cosine, after_cosine = rates("cosine")
    for seen in (polynomial, cosine):
        assert seen[0] == 0.1
        assert seen == sorted(seen, reverse=True)
    assert (after_polynomial, after_cosine) == pytest.approx((0, 0), abs=1e-9)
    assert polynomial[10] == pytest.approx(0.1 * 0.5**0.9)
    assert cosine[10] == pytest.approx(0.05)


def test_one_cycle_rises_first():
    seen, _ = rates("one_cycle")
    assert max(seen) == pytest.approx(0.1, rel=0.05)
    assert 0 < seen.index(max(seen)) < 10


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_settings_reach_the_optimizer(optimizer):
    settings = TrainConfig(optimizer=optimizer, learning_rate=0.2, weight_decay=0.3)
    made = make_optimizer(nn.Linear(2, 1).parameters(), settings)
    (group,) = made.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.2, 0.3)
    assert group.get("nesterov", False) == (optimizer == "sgd")
