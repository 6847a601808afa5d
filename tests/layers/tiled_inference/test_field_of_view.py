import pytest
import torch
from monai.networks import nets
from torch import nn

from medinorm.layers import InstanceNorm3d, ThumbnailInstanceNorm3d, register_norms
from medinorm.layers.tiled_inference.field_of_view import (
    coarsest,
    measure_reach,
    measure_steps,
    takes_size,
)

EMPTY = torch.zeros(1, 1, 1, 1, 1)


def measure_stride(network, predict, volume):
    return coarsest(measure_steps(network, predict, volume))


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


class _Function(nn.Module):
    """A norm, and a function of what comes out of it."""

    def __init__(self, function):
        super().__init__()
        self.norm, self.function = ThumbnailInstanceNorm3d(1), function

    def forward(self, x):
        return self.function(self.norm(x))


@pytest.mark.parametrize(
    "labels", [lambda x: (x > 0).long(), lambda x: (x > 0).float(), torch.zeros_like]
)
def test_labels_have_no_reach(labels):
    network = _Function(labels)
    with pytest.raises(ValueError, match="argmax"):
        measure_reach(network, network, EMPTY, (1, 1, 1))


@pytest.mark.parametrize("training", [True, False])
def test_probing_leaves_no_trace(training):
    network = nn.Sequential(
        nn.Conv3d(1, 2, 3, padding=1),
        nn.BatchNorm3d(2),
        nn.Dropout(),
        ThumbnailInstanceNorm3d(2),
    ).train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    running, random = network[1].running_mean, torch.get_rng_state()
    stride = measure_stride(network, network, EMPTY)
    if training:
        with pytest.raises(ValueError, match="batch norm in training mode"):
            measure_reach(network, network, EMPTY, stride)
    else:
        assert measure_reach(network, network, EMPTY, stride) == (1, 1, 1)
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)
    assert network[1].running_mean is running
    assert torch.equal(torch.get_rng_state(), random)
    assert all(module.training == training for module in network.modules())


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        (EMPTY.expand(1, 2, 1, 1, 1), "to have 1 channels, but got 2"),
        (EMPTY.double(), "torch.float64, the network torch.float32"),
        (EMPTY.to(torch.int16), "torch.int16"),
    ],
)
def test_why_a_network_fails_is_said(volume, message):
    network = nn.Sequential(nn.Conv3d(1, 1, 3, padding=1), ThumbnailInstanceNorm3d(1))
    with pytest.raises(ValueError, match=message):
        measure_stride(network, network, volume)


def test_a_full_memory_is_not_taken_for_a_size_that_does_not_fit():
    def predict(_x):
        raise torch.OutOfMemoryError("full")

    with pytest.raises(torch.OutOfMemoryError, match="full"):
        measure_stride(nn.Identity(), predict, EMPTY)


def test_sizes_that_a_network_takes_are_found():
    register_norms()
    norm = "thumbnail_instance"
    refusing = nets.UNet(3, 1, 1, (4, 4, 4), (2, 2), norm=norm).eval()
    taking = nets.BasicUNet(3, 1, 1, (2, 2, 2, 2, 2, 2), norm=norm).eval()
    for network, wanted in ((refusing, False), (taking, True)):
        steps = measure_steps(network, network, EMPTY)
        even, odd = torch.zeros(1, 1, 64, 64, 64), torch.zeros(1, 1, 37, 64, 41)
        assert takes_size(network, network, even, steps)
        assert takes_size(network, network, odd, steps) == wanted
        assert not takes_size(network, network, odd[..., :3], steps)
