import pytest
import torch
from torch import nn

from medinorm.layers import GroupNorm3d

CONFORMANCE = {
    "options": {"num_groups": 2},
    "one_voxel": True,
    "invariant": False,
}


def test_agrees_with_torch_and_loads_its_state(layout):
    reference = nn.GroupNorm(2, 6)
    nn.init.normal_(reference.weight)
    nn.init.normal_(reference.bias)
    norm = GroupNorm3d(6, num_groups=2)
    norm.load_state_dict(reference.state_dict())
    x = torch.randn(2, 6, 4, 5, 3)
    wanted = reference(x)  # contiguous: torch is wrong in the other layout
    torch.testing.assert_close(norm(layout(x)), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("features", "groups"), [(32, 8), (12, 6), (7, 7), (11, 1)])
def test_the_default_divides_the_channels(features, groups):
    assert GroupNorm3d(features).num_groups == groups


@pytest.mark.parametrize("groups", [4, -2, 12])
def test_groups_that_do_not_divide_are_refused(groups):
    with pytest.raises(ValueError, match="must divide num_features"):
        GroupNorm3d(6, num_groups=groups)


def test_one_voxel_is_enough_for_a_group_of_channels():
    y = GroupNorm3d(4, num_groups=2)(torch.randn(1, 4, 1, 1, 1))
    assert y.view(2, 2).sum(1).abs().max() < 1e-5


def test_no_groups_are_refused():
    with pytest.raises(ValueError, match="0 does not divide 4"):
        GroupNorm3d(4, 0)
