"""SegResNet has at each level the channels that the configuration says."""

import torch
from torch import nn

from medinorm.config import NetworkConfig
from medinorm.train.networks.registry import find_networks


def test_channels_are_those_that_the_configuration_says():
    config = NetworkConfig(name="segresnet", channels=(4, 8, 16))
    network = find_networks()["segresnet"].build(config, 1, 2, ("instance", {})).eval()
    widths = [
        {m.out_channels for m in level.modules() if isinstance(m, nn.Conv3d)}
        for level in network.down_layers
    ]
    assert widths == [{4}, {8}, {16}]
    assert network(torch.zeros(1, 1, 8, 8, 8)).shape == (1, 2, 8, 8, 8)
