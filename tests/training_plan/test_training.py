"""Possible trainings keep what the study sets."""

import pytest

from medinorm.config import AutoNetworkConfig
from medinorm.training_plan.machine import Budget
from medinorm.training_plan.training import TrainingMaker, shrink_patches

BUDGET = Budget(card=False, memory=2.0, minutes=20.0, threads=1)
THIN = (1.0, 1.0, 4.0)


def make(extent=(64, 64, 16), spacing=THIN, **network):
    return TrainingMaker(AutoNetworkConfig(**network), spacing, BUDGET).make(
        16, extent, 2
    )


def test_channels_double_up_to_the_widest():
    assert make((300, 300, 300), (1, 1, 1)).channels == (16, 32, 64, 128, 256, 320)


def test_what_the_study_sets_is_kept():
    training = make(channels=(5, 9, 11))
    assert training.channels == (5, 9, 11)
    assert len(training.topology.strides) == 2
    chosen = {"channels": (4, 8), "strides": ((1, 1, 4),), "kernels": ((3, 3, 1),) * 2}
    training = make(**chosen)
    assert training.topology.strides == ((1, 1, 4),)
    assert training.topology.kernels == ((3, 3, 1),) * 2
    assert make(channels=(4, 8), kernels=((1, 1, 1),) * 2).topology.kernels[0] == (
        1,
        1,
        1,
    )


def test_each_network_gets_levels_that_it_can_have():
    assert len(make((7, 7, 7), (1, 1, 1), name="dynunet").channels) == 3
    training = make((340, 340, 340), (1, 1, 1), name="segresnet")
    assert training.channels == (16, 32, 64, 128, 256, 512)
    assert set(training.topology.strides) == {(2, 2, 2)}
    thin = make(name="segresnet")
    assert thin.topology.kernels == ((3, 3, 3),) * len(thin.channels)


def test_one_patch_more_costs_more():
    training = make()
    larger = TrainingMaker(AutoNetworkConfig(), THIN, BUDGET).enlarge(training)
    assert larger.batch_size == 3
    assert larger.cost.seconds > training.cost.seconds
    assert larger.topology == training.topology


@pytest.mark.parametrize("least", [8, 32])
def test_patches_shrink_along_the_longest_axis(least):
    patches = list(shrink_patches((64, 40, 12), THIN, least))
    assert patches[0] == (64, 40, 12)
    assert patches[1] == (54, 40, 12)
    assert all(n >= min(least, 12) for patch in patches for n in patch)
    assert len(set(patches)) == len(patches)
