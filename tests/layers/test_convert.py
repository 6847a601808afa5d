import pytest
import torch
from monai.networks import nets
from torch import nn
from torch.nn.utils.parametrize import register_parametrization

from medinorm.layers import (
    NORMS,
    BatchNorm3d,
    ConditionalNetwork,
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


def _learned_batch_norm():
    norm = BatchNorm3d(4).eval()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([2.0, 0.5, -1.0, 3.0]))
        norm.bias.copy_(torch.arange(4.0))
        norm.running_mean.copy_(torch.arange(4.0) - 1)
        norm.running_var.copy_(torch.arange(4.0) + 1)
        norm.num_batches_tracked.fill_(7)
    return norm


@pytest.mark.parametrize("domain", [0, 2, -1])
def test_each_domain_starts_from_what_all_learned(domain):
    norm, x = _learned_batch_norm(), torch.randn(2, 4, 6, 6, 6)
    wanted = norm(x)
    converted = convert_norm(norm, "domain_specific", num_domains=3)
    network = ConditionalNetwork(converted)
    got = network(x, domain=torch.full((2,), domain))
    torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("adaptive_instance", {"style": torch.randn(2, 64)}),
        ("spatially_adaptive", {"regions": torch.ones(2, 1, 6, 6, 6)}),
    ],
)
def test_styles_and_regions_start_from_the_old_gain(name, condition):
    old, x = _learned_batch_norm(), torch.randn(2, 4, 6, 6, 6)
    gain, offset = (p.detach().view(1, 4, 1, 1, 1) for p in (old.weight, old.bias))
    torch.manual_seed(0)
    fresh = ConditionalNetwork(NORMS[name](4))(x, **condition)
    torch.manual_seed(0)
    converted = ConditionalNetwork(convert_norm(old, name))(x, **condition)
    added = InstanceNorm3d(4)(x) * (gain - 1) + offset
    torch.testing.assert_close(converted, fresh + added)


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


def _trainable(norm):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv3d(1, 4, 1), norm, nn.Conv3d(4, 1, 1))


def _step(network, optimizer):
    optimizer.zero_grad()
    network(torch.randn(2, 1, 3, 3, 3)).square().mean().backward()
    optimizer.step()


def test_a_live_optimizer_goes_on():
    network = _trainable(nn.InstanceNorm3d(4, affine=True))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    _step(network, optimizer)
    weight, bias = network[1].weight, network[1].bias
    convert_norm(network, "instance")
    assert network[1].weight is weight
    assert network[1].bias is bias
    before, steps = weight.detach().clone(), optimizer.state[weight]["step"].item()
    _step(network, optimizer)
    assert not torch.equal(network[1].weight, before)
    assert optimizer.state[network[1].weight]["step"] == steps + 1


def test_tied_parameters_stay_tied():
    first, second = nn.BatchNorm3d(4), nn.BatchNorm3d(4)
    second.weight = first.weight
    network = convert_norm(nn.Sequential(first, second), "ibn")
    assert network[0].weight is network[1].weight is first.weight
    assert network[0].bias is not network[1].bias


def test_parametrizations_go_over():
    class Double(nn.Module):
        def forward(self, weight):
            return 2 * weight

    norm = nn.GroupNorm(2, 4)
    register_parametrization(norm, "weight", Double())
    original = norm.parametrizations.weight.original
    x = torch.randn(2, 4, 3, 3, 3)
    wanted = norm(x)
    network = convert_norm(nn.Sequential(norm), "group")
    assert isinstance(network[0], NORMS["group"])
    assert network[0].parametrizations.weight.original is original
    torch.testing.assert_close(network(x), wanted)
    same = network[0]
    assert convert_norm(network, "group")[0] is same
    assert convert_norm(network, "instance")[0].parametrizations.weight


def test_hooks_go_over_and_can_still_be_removed():
    seen = []
    norm = nn.BatchNorm3d(4)
    handle = norm.register_forward_hook(lambda *_: seen.append("forward"))
    norm.register_forward_pre_hook(
        lambda *_, **__: seen.append("before"), with_kwargs=True
    )
    norm.register_full_backward_hook(lambda *_: seen.append("backward"))
    network = convert_norm(_trainable(norm), "instance")
    network(torch.randn(1, 1, 3, 3, 3)).sum().backward()
    assert seen == ["before", "forward", "backward"]
    handle.remove()
    network(torch.randn(1, 1, 3, 3, 3))
    assert seen[3:] == ["before"]


@pytest.mark.parametrize("name", sorted(set(NORMS) - {"none"}))
def test_a_norm_without_offset_gets_none(name):
    norm = nn.GroupNorm(2, 4)
    norm.bias = None  # what bias=False of torch 2.13 does
    weight = norm.weight
    converted = convert_norm(norm, name)
    if converted.affine and name != "self_attentive_instance":
        assert converted.bias is None
        assert converted.weight is weight


def test_a_norm_that_computes_something_else_is_kept_and_said():
    class Shifted(nn.BatchNorm3d):
        def forward(self, x):
            return super().forward(x) + 1

    class Renamed(nn.BatchNorm3d):
        pass

    network = nn.Sequential(Shifted(4), Renamed(4), nn.BatchNorm3d(4))
    with pytest.warns(UserWarning, match=r"kept 1 norms with a forward .*\(Shifted\)"):
        convert_norm(network, "instance")
    assert [type(m).__name__ for m in network] == ["Shifted", *["InstanceNorm3d"] * 2]


def test_a_lazy_norm_must_know_its_channels():
    lazy = nn.LazyInstanceNorm3d(affine=True, track_running_stats=False)
    network = nn.Sequential(nn.Conv3d(1, 4, 1), lazy)
    with pytest.raises(ValueError, match="run the network once on a scan"):
        convert_norm(network, "instance")
    network(torch.randn(1, 1, 3, 3, 3))
    assert type(convert_norm(network, "instance")[1]) is InstanceNorm3d


def test_it_says_what_it_converted():
    lines = []
    network = nn.Sequential(nn.GroupNorm(1, 4), nn.BatchNorm3d(4), InstanceNorm3d(4))
    convert_norm(network, "instance", tell=lines.append)
    convert_norm(network, "batch_instance", tell=lines.append)
    assert lines == [
        "2 norms are now instance (1 BatchNorm3d, 1 GroupNorm), 1 were so before",
        "3 norms are now batch_instance (3 InstanceNorm3d), 0 were so before; "
        "3 new parameters for the optimizer",
    ]


def test_the_number_of_axes_is_kept():
    x = torch.randn(4, 4, 5, 5)
    wanted = nn.InstanceNorm2d(4)(x)
    network = convert_norm(nn.Sequential(nn.InstanceNorm2d(4)), "instance")
    torch.testing.assert_close(network(x), wanted)
