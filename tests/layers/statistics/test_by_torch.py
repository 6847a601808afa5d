"""torch's code is used where it is right, and only there."""

import pytest
import torch
from torch import nn

from medinorm.layers import BatchNorm3d, InstanceNorm3d
from medinorm.layers.norms import batch
from medinorm.layers.statistics.by_torch import (
    are_far_off,
    is_far_off,
    normalize_groups,
)

NAN, INF = torch.nan, torch.inf


@pytest.mark.parametrize("weight_dims", [0, 1, 2])
@pytest.mark.parametrize("spatial", [(7,), (3, 4)])
def test_groups_are_normalized_in_the_shape_of_the_input(weight_dims, spatial):
    x = torch.randn(2, 4, *spatial)
    weight, bias = torch.rand(2, *((2, 4)[2 - weight_dims :]))
    terms = (None, None) if not weight_dims else (weight, bias)
    y = normalize_groups(x, 2, *terms, 1e-5)
    wanted = nn.functional.group_norm(x, 2, eps=1e-5)
    if weight_dims:
        full = (2, 4, *(1 for _ in spatial))
        wanted = wanted * weight.expand(2, 4).view(full) + bias.expand(2, 4).view(full)
    torch.testing.assert_close(y, wanted)


@pytest.mark.parametrize(
    ("mean", "rstd", "far"),
    [
        ([1.0, -65.0], [1.0, 1.0], True),
        ([1.0, 63.0], [1.0, 1.0], False),
        ([63.0] * 5, [1.0] * 5, False),  # each is small, the sum of squares is not
        ([65.0], [1.0], True),
        ([NAN, 65.0], [1.0, 1.0], True),
        ([NAN, 1.0], [1.0, 1.0], False),
        ([1e38, 1.0], [1e3, 1.0], True),
        ([INF, 1.0], [0.0, 1.0], False),
        ([NAN], [1.0], False),
        ([], [], False),
    ],
)
def test_large_means_are_found(mean, rstd, far):
    terms = torch.tensor(mean), torch.tensor(rstd)
    assert is_far_off(*terms) == far
    assert is_far_off(*(term.requires_grad_() for term in terms)) == far


def test_large_running_means_are_found():
    one = torch.ones(2)
    assert not are_far_off(63 * one, one, 1e-5)
    assert are_far_off(torch.tensor([0.0, -65.0]), one, 1e-5)
    assert are_far_off(0.3 * one, 0 * one, 1e-5)  # eps is the variance
    assert not are_far_off(0.1 * one, 0 * one, 1e-5)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_statistics_of_a_batch_with_large_means_are_remembered_once(momentum):
    ours, wanted = (
        kind(3, momentum=momentum) for kind in (BatchNorm3d, nn.BatchNorm3d)
    )
    for mean in (0.0, 1000.0, 0.0):
        x = torch.randn(2, 3, 4, 4, 4) + mean
        ours(x), wanted(x)
    for key, value in wanted.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[key], value)


def test_few_voxels_in_channels_last_are_right():
    x = torch.randn(2, 6, 5, 4, 3) * 2 + 3
    last = x.contiguous(memory_format=torch.channels_last_3d)
    ours, wanted = BatchNorm3d(6), nn.BatchNorm3d(6).double()
    torch.testing.assert_close(
        ours(last).double(), wanted(x.double()), rtol=0, atol=2e-6
    )
    assert ours(last).stride() == last.stride()
    assert x[:, 0].numel() < batch._FEW_VOXELS


def test_a_parametrized_gain_is_used():
    norm = InstanceNorm3d(4)
    nn.utils.parametrizations.weight_norm(norm, "weight", dim=None)
    with torch.no_grad():
        norm.parametrizations.weight.original0.fill_(6.0)  # of four equal gains: 3
    x = torch.randn(1, 4, 3, 3, 3)
    torch.testing.assert_close(norm(x), 3 * InstanceNorm3d(4)(x))
