import pytest
import torch
import torch.nn.functional as F
from torch import nn

from medinorm.layers import ConditionalNetwork, InstanceNorm3d, SpatiallyAdaptiveNorm3d

CONFORMANCE = {"options": {"num_regions": 3, "hidden": 4}}


def _network(**options):
    layer = SpatiallyAdaptiveNorm3d(3, num_regions=4, hidden=8, **options)
    return ConditionalNetwork(layer)


def _one_hot(labels):
    return F.one_hot(labels[:, 0], 4).movedim(-1, 1).float()


@pytest.mark.parametrize("kernel_size", [1, 3])
@pytest.mark.parametrize("shape", [(7,), (5, 4), (4, 5, 3)])
def test_gain_and_offset_come_from_plain_convolutions(layout, kernel_size, shape):
    network = _network(kernel_size=kernel_size)
    x, labels = layout(torch.randn(2, 3, *shape)), torch.randint(0, 4, (2, 1, *shape))
    layer = network.network
    volume = _one_hot(labels)[(..., *(None,) * (3 - len(shape)))]
    gain, offset = layer.to_affine(F.relu(layer.shared(volume))).chunk(2, dim=1)
    normalized = InstanceNorm3d(3)(x)
    wanted = normalized * (1 + gain.view_as(x)) + offset.view_as(x)
    y = network(x, regions=labels)
    torch.testing.assert_close(y, wanted, rtol=1e-4, atol=1e-5)
    soft = network(x, regions=_one_hot(labels))
    torch.testing.assert_close(soft, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_two_constant_label_maps_give_different_outputs(kernel_size):
    network, x = _network(kernel_size=kernel_size), torch.randn(1, 3, 6, 6, 6)
    maps = [torch.full((1, 1, 6, 6, 6), value) for value in (0, 2)]
    first, second = (network(x, regions=regions) for regions in maps)
    assert (first - second)[..., 2:4, 2:4, 2:4].abs().min() > 1e-3


def test_levels_see_the_nearest_label():
    network, x = _network(), torch.randn(1, 3, 4, 4, 4)
    level = ConditionalNetwork(nn.Sequential(nn.MaxPool3d(2), network.network))
    coarse = torch.randint(0, 4, (1, 1, 2, 2, 2))
    fine = F.interpolate(coarse.float(), scale_factor=2).long()
    wanted = network(F.max_pool3d(x, 2), regions=coarse)
    assert torch.equal(level(x, regions=fine), wanted)


def test_one_map_serves_all_samples():
    network, x = _network(), torch.randn(3, 3, 8)
    labels = torch.randint(0, 4, (1, 1, 8))
    torch.testing.assert_close(
        network(x, regions=labels), network(x, regions=labels.expand(3, 1, 8))
    )


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        (torch.full((1, 1, 8), 4), "labels from 0 to 3"),
        (torch.full((1, 1, 8), -1), "labels from 0 to 3"),
        (torch.full((1, 1, 8), 1.5), "whole numbers"),
        (torch.full((1, 1, 8), torch.nan), "whole numbers"),
        (torch.zeros(1, 3, 8), "1 channel of labels or 4 of weights, not 3"),
    ],
)
def test_impossible_maps_are_refused(regions, message):
    with pytest.raises(ValueError, match=message):
        _network()(torch.randn(1, 3, 8), regions=regions)


@pytest.mark.parametrize("options", [{"num_regions": 1}, {"kernel_size": 2}])
def test_impossible_arguments_are_refused(options):
    with pytest.raises(ValueError, match="must be"):
        SpatiallyAdaptiveNorm3d(3, **options)
