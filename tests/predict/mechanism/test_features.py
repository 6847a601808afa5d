"""What is measured as features pass through a network."""

import numpy as np
import pytest
import torch
from torch import nn

from medinorm.layers import BatchNorm3d, InstanceNorm3d
from medinorm.predict.mechanism.features import find_norms, measure_channels, measuring


def network(norm=InstanceNorm3d):
    return nn.Sequential(
        nn.Conv3d(1, 4, 3, padding=1),
        norm(4),
        nn.ReLU(),
        nn.Conv3d(4, 6, 3, stride=2, padding=1),
        norm(6),
        nn.LeakyReLU(),
        nn.Upsample(scale_factor=2),
        nn.Conv3d(6, 2, 1),
    ).eval()


def test_each_norm_is_measured_before_and_after():
    torch.manual_seed(0)
    own = network()
    with measuring(own) as passed:
        own(3 + torch.randn(1, 1, 8, 8, 8))
    assert list(passed.before) == list(passed.after) == ["1", "4"]
    assert passed.before["4"].means.shape == (6,)
    assert np.abs(passed.before["1"].means).max() > 0.1
    np.testing.assert_allclose(passed.after["1"].means, 0, atol=1e-5)
    np.testing.assert_allclose(passed.after["1"].deviations, 1, atol=1e-3)


def test_the_bottleneck_is_the_last_on_the_coarsest_grid():
    own = network()
    x = torch.randn(1, 1, 8, 8, 8)
    with measuring(own) as passed:
        own(x)
    expected = measure_channels(own[:6](x))
    np.testing.assert_array_equal(passed.bottleneck.means, expected.means)
    assert passed.voxels == 64


def test_nothing_stays_in_the_network():
    own = network()
    with pytest.raises(RuntimeError), measuring(own):
        own(torch.randn(1, 2, 8, 8, 8))
    assert not any(module._forward_hooks for module in own.modules())


def test_norms_inside_of_a_norm_are_part_of_it():
    outer = InstanceNorm3d(4)
    outer.part = BatchNorm3d(4)
    own = nn.Sequential(outer, nn.Sequential(BatchNorm3d(4), nn.GroupNorm(2, 4)))
    assert list(find_norms(own)) == ["0", "1.0", "1.1"]


def test_a_large_mean_drowns_no_variance():
    x = 1e4 + torch.randn(1, 2, 16, 16, 16)
    np.testing.assert_allclose(measure_channels(x).deviations, 1, rtol=0.05)
