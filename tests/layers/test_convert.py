import pytest
import torch
from monai.networks import nets
from torch import nn

from medinorm.layers import (
    NORMS,
    BatchNorm3d,
    IBN3d,
    InstanceNorm3d,
    WindowInstanceNorm3d,
    convert_norm,
)


def _trained(network):
    for _ in range(2):
        network(torch.randn(2, 1, 8, 8, 8))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("batch", "batch"),
        (("instance", {"affine": True}), "instance"),
        (("instance", {"affine": True}), "thumbnail_instance"),
        ("instance", "thumbnail_instance"),
        (("group", {"num_groups": 2}), "group"),
        (("batch", {"track_running_stats": False}), "batch"),
        (("instance", {"affine": True, "track_running_stats": True}), "batch"),
    ],
)
def test_the_same_norm_of_ours_gives_the_same_output(before, after):
    network = _trained(nets.UNet(3, 1, 2, (4, 8), (2,), num_res_units=1, norm=before))
    x = torch.randn(1, 1, 8, 8, 8)
    wanted = network(x)
    converted = convert_norm(network, after)
    assert converted is network
    assert any(isinstance(m, NORMS[after]) for m in network.modules())
    torch.testing.assert_close(network(x), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NORMS)
def test_every_norm_can_take_the_place_of_another(name):
    network = nn.Sequential(nn.Conv3d(1, 4, 3), nn.BatchNorm3d(4, eps=1e-3), nn.ReLU())
    convert_norm(network, name)
    assert type(network[1]) is NORMS[name]
    if name != "none":
        assert network[1].eps == 1e-3


@pytest.mark.parametrize("name", ["batch_instance", "ibn", "switchable"])
def test_running_statistics_go_over(name):
    network = _trained(nn.Sequential(nn.Conv3d(1, 4, 3), BatchNorm3d(4)))
    mean = network[1].running_mean.clone()
    convert_norm(network, name)
    assert torch.equal(network[1].running.running_mean, mean)
    assert network[1].running.num_batches_tracked == 2
    convert_norm(network, "batch")
    assert torch.equal(network[1].running_mean, mean)


def test_modes_and_types_are_kept():
    network = nn.Sequential(
        nn.BatchNorm3d(2).double(), nn.GroupNorm(1, 2).train()
    ).eval()
    network[1].train()
    convert_norm(network, "instance")
    assert network[0].weight.dtype == torch.float64
    assert [module.training for module in network] == [False, True]


def test_settings_are_kept_and_options_go_first():
    for old in (nn.BatchNorm3d(4, momentum=None), IBN3d(4, momentum=None)):
        assert convert_norm(old, "batch").momentum is None
        assert convert_norm(old, "switchable").running.momentum is None
        assert convert_norm(old, "batch", momentum=0.3).momentum == 0.3
    assert convert_norm(nn.GroupNorm(2, 16), "group", num_groups=4).num_groups == 4
    assert convert_norm(nn.InstanceNorm3d(4), "batch").track_running_stats


def test_a_norm_of_the_kind_stays_itself():
    norm = WindowInstanceNorm3d(4, seed=3)
    assert convert_norm(norm, "window_instance") is norm
    assert convert_norm(norm, "window_instance", smallest=0.9) is not norm


def test_what_is_frozen_stays_frozen():
    old = nn.BatchNorm3d(4)
    old.weight.requires_grad_(False)
    new = convert_norm(old, "batch_instance")
    frozen = {key for key, p in new.named_parameters() if not p.requires_grad}
    assert frozen == {"weight"}


def test_a_norm_without_state_takes_the_type_of_the_network():
    network = nn.Sequential(nn.Conv3d(1, 4, 3), nn.InstanceNorm3d(4))
    converted = convert_norm(network.to("meta", torch.float64), "batch")
    assert converted[1].running_mean.dtype == torch.float64
    assert converted[1].running_mean.device.type == "meta"


def test_dropped_statistics_of_instance_norm_are_said():
    old = nn.InstanceNorm3d(4, track_running_stats=True)
    with pytest.warns(UserWarning, match="running statistics of instance norms"):
        convert_norm(nn.Sequential(old), "instance")
    with pytest.raises(RuntimeError, match="running_mean"):
        InstanceNorm3d(4).load_state_dict(old.state_dict())


def test_a_shared_norm_stays_shared():
    norm = nn.InstanceNorm3d(1)
    network = convert_norm(nn.ModuleDict({"a": norm, "b": norm}), "instance")
    assert network["a"] is network["b"]


def test_a_norm_alone_is_replaced():
    assert type(convert_norm(nn.BatchNorm3d(3), "instance")) is InstanceNorm3d


def test_layer_norm_stays():
    network = nn.Sequential(nn.LayerNorm(4), nn.BatchNorm3d(4))
    assert isinstance(convert_norm(network, "instance")[0], nn.LayerNorm)


def test_what_cannot_be_done_is_refused():
    with pytest.raises(ValueError, match="norm must be one of"):
        convert_norm(nn.BatchNorm3d(3), "thumbnail")
    with pytest.raises(ValueError, match="no norm that could be replaced"):
        convert_norm(nn.Conv3d(1, 1, 1), "instance")
