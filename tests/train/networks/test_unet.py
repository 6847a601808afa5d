"""Both options of the U-Net reach it."""

import pytest
import torch
from monai.networks.blocks import ResidualUnit
from monai.networks.nets import UNet
from torch import nn

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


@pytest.mark.parametrize("residual_units", [0, 1])
def test_a_thin_axis_keeps_its_voxels_and_is_not_mixed_at_first(residual_units):
    network = build(
        channels=(4, 6, 10),
        strides=((2, 2, 1), (2, 2, 2)),
        kernels=((3, 3, 1), (3, 3, 1), (3, 3, 3)),
        residual_units=residual_units,
    ).eval()
    assert network(torch.zeros(1, 1, 8, 8, 6)).shape == (1, 2, 8, 8, 6)
    first = network.model[0]
    assert first(torch.zeros(1, 1, 8, 8, 6)).shape[2:] == (4, 4, 6)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv3d)]
    assert convolutions[0].kernel_size == (3, 3, 1)
    assert (3, 3, 3) in {m.kernel_size for m in convolutions}


def test_equal_levels_are_those_of_monai():
    ours = build(channels=(4, 6, 10))
    theirs = UNet(3, 1, 2, channels=(4, 6, 10), strides=(2, 2), norm=NORM)
    shapes = [
        {name: value.shape for name, value in network.state_dict().items()}
        for network in (ours, theirs)
    ]
    assert shapes[0] == shapes[1]
