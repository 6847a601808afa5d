"""The estimate of the demo is near its real time."""

from dataclasses import replace

from medinorm.config import ExperimentsConfig
from medinorm.training_plan.cost import estimate_step
from medinorm.training_plan.estimate import estimate_study
from medinorm.training_plan.topology import uniform_topology
from tests.records.test_training_plan import FACTS, PLAN

CHANNELS = (16, 32, 64, 128)
DEMO = ExperimentsConfig()  # four norms, three seeds


def demo_plan():
    levels = uniform_topology((48, 48, 48), 4)
    cost = estimate_step("unet", CHANNELS, levels, batch_size=2)
    return replace(
        PLAN,
        channels=CHANNELS,
        kernels=levels.kernels,
        steps=200,
        facts=replace(FACTS, median_extent=(60, 72, 60), seconds_per_step=cost.seconds),
    )


def test_the_demo_takes_what_it_takes():
    # Measured: 440 to 660 s on two cores, lodo of three scanners and pooled.
    cost = estimate_study(demo_plan(), DEMO, scans=36, splits=4, cores=2)
    assert (cost.networks, cost.jobs) == (48, 48)
    assert 0.7 * 550 < cost.hours * 3600 < 1.3 * 550


def test_more_of_anything_takes_longer():
    plan = demo_plan()
    base = estimate_study(plan, DEMO, scans=36, splits=4, cores=2)
    slow = estimate_study(plan, DEMO, scans=36, splits=4, cores=1)
    assert slow.hours == 2 * base.hours
    more = estimate_study(
        plan,
        ExperimentsConfig(intensity=("zscore", "nyul")),
        scans=36,
        splits=4,
        cores=2,
    )
    assert more.networks == 2 * base.networks
    assert more.disk > 2 * base.disk  # a fitted map has harmonized scans for each split
    card = replace(plan, facts=replace(plan.facts, where="card"))
    one = estimate_study(card, DEMO, scans=36, splits=4, cores=2)
    assert base.hours < one.hours <= slow.hours


def test_an_adaptation_predicts_and_trains_nothing():
    plan = demo_plan()
    adapted = ExperimentsConfig(adapt=("none", "tent"))
    cost = estimate_study(plan, adapted, scans=36, splits=4, cores=2)
    assert cost.networks == 48
    assert cost.jobs == 48 + 2 * 4


def test_a_search_among_learning_rates_costs_networks():
    plan = demo_plan()
    base, searched = (
        estimate_study(plan, DEMO, scans=36, splits=4, cores=2, rates=rates)
        for rates in (1, 3)
    )
    each = DEMO.networks_of_split // len(DEMO.seeds)
    assert searched.networks - base.networks == 2 * each * 4
    assert searched.jobs - base.jobs == each * 4
    assert searched.hours > base.hours
