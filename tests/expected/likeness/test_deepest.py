"""What the deepest layer sees is kept, tile by tile, and the network stays as it is."""

import pytest
import torch
from torch import nn

from medinorm.expected.likeness.deepest import DeepestFeatures


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv3d(1, 2, 3, padding=1),
        nn.Conv3d(2, 4, 3, stride=2, padding=1),
        nn.Upsample(scale_factor=2),
        nn.Conv3d(4, 3, 1),
    ).eval()


def see(network, *tiles):
    with DeepestFeatures(network) as features, torch.no_grad():
        for tile in tiles:
            network(tile)
        return features.take()


def test_means_and_deviations_are_those_of_the_deepest_layer(network):
    x = torch.randn(1, 1, 8, 8, 8)
    deep = network[1](network[0](x)).flatten(2)[0].detach()
    seen = torch.from_numpy(see(network, x)).float()
    torch.testing.assert_close(seen[:4], deep.mean(1))
    torch.testing.assert_close(seen[4:], deep.std(1, correction=0))


def test_tiles_count_equally_however_many_pass_at_once(network):
    x = torch.randn(3, 1, 8, 8, 8)
    together, apart = see(network, x), see(network, x[:2], x[2:])
    assert together == pytest.approx(apart, abs=1e-6)
    assert together != pytest.approx(see(network, x[:1]), abs=1e-3)


def test_each_scan_is_seen_alone_and_hooks_are_taken_away(network):
    x, y = torch.randn(2, 1, 1, 8, 8, 8)
    with DeepestFeatures(network) as features, torch.no_grad():
        network(x)
        first = features.take()
        network(y)
        second = features.take()
        assert features.take().size == 0
    assert first == pytest.approx(see(network, x))
    assert second == pytest.approx(see(network, y))
    assert not any(module._forward_hooks for module in network.modules())
