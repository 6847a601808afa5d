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


def test_lower_outputs_are_for_training_only():
    config = NetworkConfig(name="dynunet", channels=(4, 6, 8, 10))
    deep = BUILD(config, 1, 2, NORM, deep_supervision=True)
    plain = BUILD(config, 1, 2, NORM)
    x = torch.randn(1, 1, 16, 16, 16)
    sizes = [tuple(logits.shape) for logits in deep(x)]
    assert sizes == [(1, 2, 16, 16, 16), (1, 2, 8, 8, 8), (1, 2, 4, 4, 4)]
    weights = {name: deep.state_dict()[name] for name in plain.state_dict()}
    plain.load_state_dict(weights)
    assert torch.equal(deep.eval()(x), plain.eval()(x))
