"""Both options of the U-Net reach it."""

import torch
from monai.networks.blocks import ResidualUnit

from medinorm.config import NetworkConfig
from medinorm.train.networks.registry import find_networks

NORM = ("instance", {})


def build(**options):
    config = NetworkConfig(name="unet", **options)
    return find_networks()["unet"].build(config, 1, 2, NORM)


def test_channels_and_levels_are_those_asked_for():
    network = build(channels=(4, 6, 10)).eval()
    widths = {m.out_channels for m in network.modules() if hasattr(m, "out_channels")}
    assert {4, 6, 10} <= widths
    assert network(torch.zeros(1, 1, 8, 8, 8)).shape == (1, 2, 8, 8, 8)


def test_residual_units_are_built():
    counts = [
        sum(isinstance(m, ResidualUnit) for m in build(residual_units=n).modules())
        for n in (0, 1)
    ]
    assert counts[0] == 0
    assert counts[1] > 0
