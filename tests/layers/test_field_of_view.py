import pytest
import torch
from monai.networks import nets
from torch import nn

from medinorm.layers import InstanceNorm3d, ThumbnailInstanceNorm3d, register_norms
from medinorm.layers.field_of_view import measure_reach, measure_stride

EMPTY = torch.zeros(1, 1, 1, 1, 1)


@pytest.mark.parametrize(("kernel", "layers"), [(3, 1), (3, 2), (5, 3)])
def test_the_reach_of_a_network_is_its_field_of_view(kernel, layers):
    network = nn.Sequential(
        *[nn.Conv3d(1, 1, kernel, padding="same") for _ in range(layers)],
        ThumbnailInstanceNorm3d(1),
    )
    assert measure_reach(network, network, EMPTY, (1, 1, 1)) == (
        (layers * (kernel // 2),) * 3
    )
    assert not network[-1].is_frozen


def _dynunet(strides):
    register_norms()
    return nets.DynUNet(
        *(3, 1, 2, (3, 3, 3), strides, strides[1:]),
        filters=(4, 4, 8),
        norm_name="thumbnail_instance",
    ).eval()


@pytest.mark.parametrize(
    ("strides", "wanted"),
    [
        ((1, 2, 2), (4, 4, 4)),
        ((1, (1, 2, 2), 2), (2, 4, 4)),
        ((1, (2, 1, 2), (2, 1, 1)), (4, 1, 2)),
    ],
)
def test_the_stride_of_a_network_is_measured_along_each_axis(strides, wanted):
    network = _dynunet(strides)
    assert measure_stride(network, network, EMPTY) == wanted
    reach = measure_reach(network, network, EMPTY, wanted)
    assert all(far and far % step == 0 for far, step in zip(reach, wanted, strict=True))


def test_a_network_that_takes_any_size_still_has_its_stride():
    class _Resized(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Conv3d(1, 1, 3, stride=2, padding=1)
            self.norm = ThumbnailInstanceNorm3d(1)

        def forward(self, x):
            return nn.functional.interpolate(self.norm(self.down(x)), x.shape[2:])

    network = _Resized()
    assert network(torch.randn(1, 1, 5, 5, 5)).shape == (1, 1, 5, 5, 5)
    assert measure_stride(network, network, EMPTY) == (2, 2, 2)


def test_what_sees_everything_has_no_reach():
    network = nn.Sequential(ThumbnailInstanceNorm3d(1), InstanceNorm3d(1))
    with pytest.raises(ValueError, match="limited neighbourhood"):
        measure_reach(network, network, EMPTY, (2, 2, 2))


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(ThumbnailInstanceNorm3d(1), nn.AvgPool3d(2)),
        nn.Sequential(ThumbnailInstanceNorm3d(1), nn.Flatten()),
    ],
)
def test_an_output_on_another_grid_is_refused(network):
    with pytest.raises(ValueError, match="surroundings=False"):
        measure_stride(network, network, EMPTY)
    assert not network[0].is_frozen
