"""DynUNet is built as configured."""

import pytest
import torch

from medinorm.config import NetworkConfig
from medinorm.train.networks.registry import find_networks

BUILD = find_networks()["dynunet"].build
NORM = ("instance", {})


def test_each_level_has_the_channels_asked_for():
    config = NetworkConfig(name="dynunet", channels=(4, 6, 10))
    network = BUILD(config, 1, 2, NORM).eval()
    assert network.filters == (4, 6, 10)
    assert network(torch.zeros(1, 1, 8, 8, 8)).shape == (1, 2, 8, 8, 8)


def test_the_fewest_levels_declared_are_the_fewest_that_can_be_built():
    fewer = NetworkConfig.model_construct(name="dynunet", channels=(4, 6))
    with pytest.raises(ValueError, match="no less than 3"):
        BUILD(fewer, 1, 2, NORM)
    assert find_networks()["dynunet"].levels == 3


def test_strides_and_kernels_of_each_level_are_built():
    config = NetworkConfig(
        name="dynunet",
        channels=(4, 6, 10),
        strides=((2, 2, 1), (2, 2, 2)),
        kernels=((3, 3, 1), (3, 3, 3), (3, 3, 3)),
    )
    network = BUILD(config, 1, 2, NORM).eval()
    assert network.strides == ((1, 1, 1), (2, 2, 1), (2, 2, 2))
    assert network.kernel_size == config.kernels
    assert network(torch.zeros(1, 1, 8, 8, 6)).shape == (1, 2, 8, 8, 6)
