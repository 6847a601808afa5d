"""Each network can be built with each norm, and only the norm differs."""

from typing import get_args

import pytest
import torch

from medinorm.config import NetworkConfig, NetworkName, NormName
from medinorm.layers import NORMS
from medinorm.train.network import build_network


def build(name, norm, **options):
    config = NetworkConfig(name=name, channels=(8, 16, 32))
    return build_network(config, channels=2, classes=3, norm=norm, norm_options=options)


@pytest.mark.parametrize("name", get_args(NetworkName))
@pytest.mark.parametrize("norm", get_args(NormName))
def test_every_network_takes_every_norm(name, norm):
    network = build(name, norm).eval()
    out = network(torch.randn(1, 2, 16, 16, 16))
    assert out.shape == (1, 3, 16, 16, 16)
    used = [module for module in network.modules() if type(module) is NORMS[norm]]
    assert used


def test_norms_of_the_configuration_are_registered():
    assert set(get_args(NormName)) <= set(NORMS)


def test_options_reach_the_layer():
    groups = {
        module.num_groups
        for module in build("unet", "group", num_groups=4).modules()
        if isinstance(module, NORMS["group"])
    }
    assert groups == {4}
