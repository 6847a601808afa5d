import copy

import pytest
import torch
import torch.distributed as dist
from monai.inferers import SlidingWindowInferer
from torch import nn

from medinorm.layers import (
    ConditionalNetwork,
    DomainSpecificNorm3d,
    InstanceNorm3d,
    MaskedInstanceNorm3d,
)
from medinorm.layers.conditions.network import Condition, conditional_layers, resize


class _Failing(nn.Module):
    def forward(self, _):
        raise RuntimeError("out of memory")


def _network():
    return nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), MaskedInstanceNorm3d(2))


def test_layers_say_what_they_miss():
    with pytest.raises(
        ValueError, match=r"MaskedInstanceNorm3d needs mask.*mask=\.\.\."
    ):
        _network()(torch.randn(1, 1, 4, 4, 4))
    with pytest.raises(ValueError, match=r"needs mask.*checkpoint the whole"):
        ConditionalNetwork(_network())(
            torch.randn(1, 1, 4, 4, 4), domain=torch.tensor(0)
        )


def test_nothing_remains_after_a_call_or_a_failure():
    x, mask = torch.randn(1, 1, 4, 4, 4), torch.ones(1, 1, 4, 4, 4)
    good = ConditionalNetwork(_network())
    good(x, mask=mask)
    bad = ConditionalNetwork(nn.Sequential(MaskedInstanceNorm3d(1), _Failing()))
    with pytest.raises(RuntimeError, match="out of memory"):
        bad(x, mask=mask)
    for network in (good, bad):
        assert all(layer.condition is None for layer in conditional_layers(network))
    copy.deepcopy(good), copy.deepcopy(bad)


def test_two_networks_do_not_see_each_others_conditions():
    outer, other = ConditionalNetwork(_network()), _network()
    condition = Condition({"mask": torch.ones(1, 1, 4, 4, 4)})
    with outer._under(condition), pytest.raises(ValueError, match="needs mask"):
        other(torch.randn(1, 1, 4, 4, 4))


def test_an_inner_wrapper_gives_way_to_the_outer_one_again():
    layer = MaskedInstanceNorm3d(1)
    inner = ConditionalNetwork(layer)
    condition = Condition({"mask": torch.ones(1, 1, 4)})
    with ConditionalNetwork(layer)._under(condition):
        inner(torch.randn(1, 1, 4), mask=torch.ones(1, 1, 4))
        assert layer.condition is condition


def test_it_knows_what_its_network_needs():
    network = nn.Sequential(MaskedInstanceNorm3d(1), DomainSpecificNorm3d(1))
    assert ConditionalNetwork(network).needs == ("domain", "mask")
    assert ConditionalNetwork(InstanceNorm3d(1)).needs == ()


def test_a_map_may_travel_as_the_last_channel():
    network = _network()
    x, mask = torch.randn(2, 1, 4, 4, 4), torch.rand(2, 1, 4, 4, 4).round()
    together = ConditionalNetwork(network, map_channel="mask")(torch.cat([x, mask], 1))
    assert torch.equal(together, ConditionalNetwork(network)(x, mask=mask))


def test_a_map_of_the_whole_volume_is_not_squeezed_into_a_window():
    x, network = torch.randn(1, 1, 8, 8, 8), ConditionalNetwork(_network()).eval()
    infer = SlidingWindowInferer((4, 4, 4), sw_batch_size=2, overlap=0)
    mask = (torch.arange(8) < 6).float().expand_as(x)
    with pytest.raises(ValueError, match=r'\(8, 8, 8\).*map_channel="mask"'):
        infer(x, network, mask=mask)
    reader = network.with_map_channel("mask")
    first = infer(torch.cat([x, mask], 1), reader)[..., :4, :4, :4]
    assert network.map_channel is None
    assert not reader.training
    window = (..., *(slice(4),) * 3)
    torch.testing.assert_close(first, network(x[window], mask=mask[window]))


def test_state_dict_holds_the_network_only():
    names = ConditionalNetwork(_network()).state_dict()
    assert all(name.startswith("network.") for name in names)


def test_reference_scans_need_someone_who_reads_them():
    with pytest.raises(ValueError, match="style_encoder"):
        ConditionalNetwork(_network())(
            torch.zeros(1, 1, 4), style=torch.zeros(1, 1, 1, 4)
        )


def test_layers_of_one_level_share_a_resized_map():
    condition = Condition({"mask": torch.rand(1, 1, 8, 8)})
    first = condition.resized("mask", (4, 4), "average")
    assert condition.resized("mask", (4, 4), "average") is first


@pytest.mark.parametrize("size", [(4,), (2, 4), (2, 3, 4)])
def test_averages_keep_the_total_and_labels_stay_labels(size):
    values = torch.rand(1, 1, *(2 * n for n in size))
    averaged = resize(values, size, "average")
    torch.testing.assert_close(averaged.mean(), values.mean())
    labels = torch.randint(0, 200, values.shape, dtype=torch.uint8)
    small = resize(labels, size, "nearest")
    assert small.dtype == torch.uint8
    assert set(small.unique().tolist()) <= set(labels.unique().tolist())
    assert resize(small, values.shape[2:], "average").dtype == torch.uint8  # finer


@pytest.fixture
def _one_process_group(tmp_path):
    store = dist.FileStore(str(tmp_path / "store"), 1)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("_one_process_group")
def test_it_works_in_data_parallel_training():
    network = ConditionalNetwork(_network())
    x, mask = torch.randn(2, 1, 4, 4, 4), torch.ones(2, 1, 4, 4, 4)
    expected = network(x, mask=mask)
    parallel = nn.parallel.DistributedDataParallel(network)
    y = parallel(x, mask=mask)
    torch.testing.assert_close(y, expected)
    y.square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())
