import copy

import pytest
import torch
from torch import nn

from medinorm.layers import InstanceNorm3d, ThumbnailInstanceNorm3d, moments
from medinorm.layers.norms.thumbnail_instance import (
    freeze_from_first_input,
    frozen_statistics,
    observed,
    within_surroundings,
)


@pytest.mark.parametrize("training", [True, False])
def test_is_instance_norm_as_long_as_nothing_is_frozen(layout, training):
    x = layout(torch.randn(2, 3, 4, 5, 6))
    norm = ThumbnailInstanceNorm3d(3).train(training)
    assert torch.equal(norm(x), InstanceNorm3d(3)(x))


def test_frozen_statistics_make_tiles_match(layout):
    volume = layout(
        torch.randn(1, 3, 12, 5, 6) + torch.linspace(0, 9, 12).view(-1, 1, 1)
    )
    norm = ThumbnailInstanceNorm3d(3)
    whole = norm(volume)
    with frozen_statistics(norm):
        norm.freeze(moments(volume))
        tiles = torch.cat([norm(tile) for tile in volume.split(5, dim=2)], dim=2)
    torch.testing.assert_close(tiles, whole, rtol=1e-5, atol=1e-5)
    assert (norm(volume[:, :, :5]) - whole[:, :, :5]).abs().max() > 0.1


def test_tiles_are_pooled_as_one_volume():
    volume = torch.randn(1, 3, 12) + torch.linspace(0, 9, 12)
    norm = ThumbnailInstanceNorm3d(3)
    norm.freeze(moments(torch.cat(volume.split(4, dim=2))))
    torch.testing.assert_close(
        norm(volume), InstanceNorm3d(3)(volume), rtol=1e-5, atol=1e-5
    )


def test_nothing_remains_after_the_block_or_a_failure():
    norm = ThumbnailInstanceNorm3d(3)
    with frozen_statistics(norm):
        norm.freeze(moments(torch.randn(1, 3, 9)))
        with pytest.raises(ValueError, match="channels"), frozen_statistics(norm):
            norm(torch.randn(1, 2, 9))
        assert not norm.is_frozen
        norm.freeze(moments(torch.randn(1, 3, 9)))
    assert not norm.is_frozen


def test_statistics_frozen_before_do_not_apply_inside():
    norm = ThumbnailInstanceNorm3d(3)
    norm.freeze(moments(torch.randn(1, 3, 9)))
    with frozen_statistics(norm):
        assert not norm.is_frozen


def test_frozen_statistics_move_along_but_are_not_saved():
    norm = ThumbnailInstanceNorm3d(3)
    norm.freeze(moments(torch.randn(1, 3, 9)))
    assert set(norm.state_dict()) == {"weight", "bias"}
    assert norm.to("meta").frozen_mean.device.type == "meta"
    assert not ThumbnailInstanceNorm3d(3).is_frozen


def test_deeper_layers_are_measured_behind_frozen_ones():
    network = nn.Sequential(
        ThumbnailInstanceNorm3d(2), nn.Tanh(), ThumbnailInstanceNorm3d(2)
    )
    tiles = torch.randn(3, 2, 8) * torch.tensor([1.0, 4, 9]).view(3, 1, 1)
    with frozen_statistics(network), observed(network, freeze_from_first_input):
        first = network(tiles)
        again = network(tiles[:1])
    torch.testing.assert_close(again, first[:1])
    copy.deepcopy(network)
    assert all(layer.observer is None for layer in (network[0], network[2]))


def test_patches_are_normalized_by_the_statistics_of_their_surroundings(layout):
    ramps = torch.linspace(0, 9, 12) * torch.tensor([[1.0], [3.0]])
    scans = layout(torch.randn(2, 3, 12, 5, 6) + ramps.view(2, 1, 12, 1, 1))
    norm = ThumbnailInstanceNorm3d(3)
    torch.nn.init.normal_(norm.weight)
    whole = InstanceNorm3d(3)
    whole.load_state_dict(norm.state_dict())
    patches = layout(scans[:, :, 3:9])
    with within_surroundings(norm, scans):
        y = norm(patches)
    torch.testing.assert_close(y, whole(scans)[:, :, 3:9], atol=1e-5, rtol=1e-5)
    assert torch.equal(norm(patches), whole(patches))  # nothing is left behind


def test_the_gradient_knows_that_offset_and_scale_of_a_patch_do_not_count():
    norm, scan = ThumbnailInstanceNorm3d(2), torch.randn(1, 2, 8, 4, 4)
    patch = scan[:, :, 2:6].clone().requires_grad_()
    with within_surroundings(norm, scan):
        norm(patch).pow(3).sum().backward()
    axes = (2, 3, 4)
    for product in (patch.grad, patch.grad * patch):
        assert product.sum(axes).abs().max() < 1e-4 * product.abs().sum()
