import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from medinorm.layers import InstanceNorm3d

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
