import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

from medinorm.layers import LayerNorm3d

CONFORMANCE = {"one_voxel": True}


def test_is_group_norm_with_one_group(layout):
    x = torch.randn(2, 6, 4, 5, 3)
    wanted = nn.GroupNorm(1, 6)(x)
    torch.testing.assert_close(LayerNorm3d(6)(layout(x)), wanted, rtol=1e-5, atol=1e-5)


def test_per_voxel_is_layer_norm_over_the_channels(layout):
    reference, norm = nn.LayerNorm(6), LayerNorm3d(6, per_voxel=True)
    nn.init.normal_(reference.weight)
    norm.load_state_dict(reference.state_dict())
    x = layout(torch.randn(2, 6, 4, 5, 3))
    y = norm(x)
    torch.testing.assert_close(y, reference(x.movedim(1, -1)).movedim(-1, 1))
    assert y.stride() == x.stride()


def test_gradients_per_voxel(layout):
    norm = LayerNorm3d(3, per_voxel=True).double()
    x = layout(torch.randn(2, 3, 2, 3, dtype=torch.float64)).requires_grad_()
    assert gradcheck(norm, x)


def test_per_voxel_takes_bfloat16(layout):
    x = layout(torch.randn(2, 6, 4, 4).bfloat16())
    assert LayerNorm3d(6, per_voxel=True)(x).dtype == torch.bfloat16


def test_per_voxel_needs_two_channels():
    with pytest.raises(ValueError, match="two channels"):
        LayerNorm3d(1, per_voxel=True)
