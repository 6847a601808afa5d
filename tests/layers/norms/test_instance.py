import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from medinorm.layers import BatchNorm3d, InstanceNorm3d

VOLUME = torch.randn(
    2, 8, 6, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
)


def test_agrees_with_torch_and_loads_its_state(layout):
    reference = nn.InstanceNorm3d(5, affine=True)
    nn.init.normal_(reference.weight)
    nn.init.normal_(reference.bias)
    norm = InstanceNorm3d(5)
    norm.load_state_dict(reference.state_dict())
    x = layout(torch.randn(2, 5, 4, 5, 6))
    torch.testing.assert_close(norm(x), reference(x), rtol=1e-5, atol=1e-5)


@given(gain=st.floats(0.1, 1e3), offset=st.floats(-1e3, 1e3))
def test_scanner_gain_and_offset_vanish(gain, offset):
    norm = InstanceNorm3d(8).double()
    torch.testing.assert_close(
        norm(gain * VOLUME + offset), norm(VOLUME), rtol=0, atol=2e-3
    )


def test_activation_is_that_of_torch(layout):
    x = layout(torch.randn(1, 4, 4, 4, 4))
    leaky = InstanceNorm3d(4, activation="leaky_relu")
    torch.testing.assert_close(leaky(x), F.leaky_relu(InstanceNorm3d(4)(x), 0.01))


def test_one_voxel_is_refused():
    with pytest.raises(ValueError, match="more than one value per statistic"):
        InstanceNorm3d(2)(torch.zeros(4, 2, 1, 1, 1))


def test_a_volume_without_batch_axis_is_taken_as_torch_takes_it():
    volume = torch.randn(4, 5, 6, 7)
    wanted = nn.InstanceNorm3d(4)(volume)
    torch.testing.assert_close(InstanceNorm3d(4, affine=False)(volume), wanted)
    cube = torch.randn(4, 4, 6, 7) * torch.arange(1, 5).view(4, 1, 1, 1)
    with pytest.warns(UserWarning, match="spatial_dims=2 or spatial_dims=3"):
        y = InstanceNorm3d(4, affine=False)(cube)
    torch.testing.assert_close(y, nn.InstanceNorm3d(4)(cube))
    for dims, theirs in ((3, nn.InstanceNorm3d(4)), (2, nn.InstanceNorm2d(4))):
        ours = InstanceNorm3d(4, affine=False, spatial_dims=dims)
        torch.testing.assert_close(ours(cube), theirs(cube))
    flat = torch.randn(4, 6, 7)
    ours = InstanceNorm3d(4, affine=False, spatial_dims=2)
    torch.testing.assert_close(ours(flat), nn.InstanceNorm2d(4)(flat))


def test_shapes_that_do_not_go_with_the_axes_are_refused():
    with pytest.raises(ValueError, match="expected 2 spatial axes"):
        InstanceNorm3d(4, spatial_dims=2)(torch.zeros(1, 4, 3, 3, 3))
    with pytest.raises(ValueError, match="spatial_dims must be"):
        InstanceNorm3d(4, spatial_dims=4)
    with pytest.raises(ValueError, match=r"give the layer x\[None\]"):
        BatchNorm3d(4)(torch.zeros(4, 3, 3, 3))


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.bool])
def test_whole_numbers_are_refused(dtype):
    with pytest.raises(ValueError, match=r"give the layer x\.float\(\)"):
        InstanceNorm3d(4)(torch.ones(1, 4, 3, 3, 3, dtype=dtype))


@pytest.mark.parametrize(
    ("choice", "slope"),
    [(nn.LeakyReLU, 0.01), (nn.LeakyReLU(0.2), 0.2), ("leaky_relu", 0.01), ("relu", 0)],
)
def test_an_activation_may_be_a_module_or_a_class(choice, slope):
    x = torch.randn(1, 4, 3, 3, 3)
    wanted = nn.functional.leaky_relu(InstanceNorm3d(4)(x), slope)
    torch.testing.assert_close(InstanceNorm3d(4, activation=choice)(x), wanted)


@pytest.mark.parametrize("choice", ["gelu", nn.GELU, nn.PReLU()])
def test_an_unknown_activation_is_refused_when_the_layer_is_made(choice):
    with pytest.raises(ValueError, match="activation must be relu or leaky_relu"):
        InstanceNorm3d(4, activation=choice)
