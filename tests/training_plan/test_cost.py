"""The cost of a step: layers as the networks have them, times as measured."""

import pytest

from medinorm.config import NetworkConfig
from medinorm.train.networks.build import build_network
from medinorm.training_plan.cost import estimate_step, list_layers
from medinorm.training_plan.topology import uniform_topology
from tests.train.networks.installed import is_missing

WIDE = (16, 32, 64, 128)

# CPU seconds of one thread, forward to optimizer: benchmarks/training_plan.py.
MEASURED = [
    ("unet", WIDE, (48, 48, 48), 0.0655),
    ("unet", WIDE, (32, 40, 32), 0.0287),
    ("unet", WIDE, (64, 64, 64), 0.1557),
    ("unet", (32, 64, 128, 256), (48, 48, 48), 0.1517),
    ("dynunet", WIDE, (48, 48, 48), 0.7893),
    ("dynunet", WIDE, (32, 40, 32), 0.2814),
]


@pytest.mark.parametrize(("name", "channels", "patch", "seconds"), MEASURED)
def test_the_model_is_near_what_was_measured(name, channels, patch, seconds):
    planned = uniform_topology(patch, len(channels))
    cost = estimate_step(name, channels, planned, batch_size=2)
    # Patches are cut and augmented too, and a step has its own overhead.
    assert 0.75 * seconds < cost.seconds < 1.25 * seconds + 0.04


@pytest.mark.parametrize(
    "name", ["unet", "dynunet", "plain_unet", "residual_encoder_unet"]
)
def test_the_layers_are_those_of_the_network(name):
    if is_missing(name):
        pytest.skip("pip install medinorm[nnunet]")
    channels = (4, 8, 12)
    network = build_network(
        NetworkConfig(name=name, channels=channels),
        channels=1,
        classes=3,
        norm="instance",
        norm_options={},
    )
    wanted = sum(p.numel() for p in network.parameters() if p.dim() == 5)
    layers = list_layers(name, channels, uniform_topology((16, 16, 16), 3))
    assert sum(layer.parameters for layer in layers) == pytest.approx(wanted, rel=0.02)


def test_more_threads_and_a_card_are_faster_and_a_larger_batch_needs_more_memory():
    planned = uniform_topology((64, 64, 64), 4)
    one = estimate_step("unet", WIDE, planned, batch_size=2)
    assert estimate_step("unet", WIDE, planned, batch_size=2, threads=4).seconds < (
        one.seconds
    )
    assert estimate_step("unet", WIDE, planned, batch_size=2, card=True).seconds < (
        one.seconds
    )
    assert estimate_step("unet", WIDE, planned, batch_size=9).memory > one.memory
