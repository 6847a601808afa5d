import copy

import pytest
import torch
from torch import nn

from medinorm.layers import BatchNorm3d, InstanceNorm3d, NoNorm, Tent
from medinorm.layers.test_time.tent import weighted_entropy


def _network(norm=BatchNorm3d):
    return nn.Sequential(nn.Conv3d(1, 4, 3), norm(4), nn.ReLU(), nn.Conv3d(4, 3, 1))


SCAN = torch.randn(2, 1, 7, 7, 7, generator=torch.Generator().manual_seed(0))


def _same(first, second):
    return all(torch.equal(second[key], value) for key, value in first.items())


@pytest.mark.parametrize("norm", [BatchNorm3d, nn.BatchNorm3d, InstanceNorm3d])
def test_entropy_falls_and_only_gains_and_offsets_move(norm):
    network = _network(norm)
    tent = Tent(network, steps=10, learning_rate=1e-2, episodic=False)
    first = tent.adapt(SCAN)
    for _ in range(3):
        last = tent.adapt(SCAN)
    assert last < first
    moved = {
        name
        for name, value in network.named_parameters()
        if not torch.equal(value, tent.network.get_parameter(name))
    }
    assert moved == {"1.weight", "1.bias"}


def test_episodes_start_from_the_original():
    network = _network()
    tent = Tent(network, steps=3, learning_rate=1e-1)
    first = tent(SCAN)
    tent(5 * SCAN + 1)
    assert torch.equal(tent(SCAN), first)


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_loaded_weights_are_the_new_original(assign, whole):
    tent, other = (Tent(_network(), steps=2, learning_rate=1e-1) for _ in range(2))
    tent(SCAN)
    loaded = copy.deepcopy(other)
    source, target = (other, tent) if whole else (other.network, tent.network)
    target.load_state_dict(copy.deepcopy(source.state_dict()), assign=assign)
    twin = copy.deepcopy(tent)
    for adapting in (tent, tent, twin):
        assert torch.equal(adapting(SCAN), loaded(SCAN))


def test_a_copy_has_an_original_of_its_own():
    tent = Tent(_network())
    twin = copy.deepcopy(tent)
    first = tent(SCAN)
    twin.network.load_state_dict(_network().state_dict())
    assert torch.equal(tent(SCAN), first)
    assert not torch.equal(twin(SCAN), first)


def test_without_episodes_it_goes_on():
    tent = Tent(_network(), learning_rate=1e-1, episodic=False)
    first = tent(SCAN)
    assert not torch.equal(tent(SCAN), first)
    tent.reset()
    assert torch.equal(tent(SCAN), first)


def test_the_given_network_is_not_touched():
    network = _network().train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    Tent(network, learning_rate=1.0)(SCAN)
    assert _same(before, network.state_dict())
    assert network.training
    assert all(p.requires_grad for p in network.parameters())


def test_batch_statistics_are_those_of_the_scan():
    tent = Tent(_network(), learning_rate=1e-12)
    torch.testing.assert_close(
        tent(SCAN), _network_like(tent)(SCAN), rtol=1e-4, atol=1e-5
    )


def _network_like(tent):
    network = _network()
    network.load_state_dict(tent._origin)
    return network.train()


@pytest.mark.parametrize(
    "context", [torch.no_grad, torch.enable_grad, torch.inference_mode]
)
@pytest.mark.parametrize("first", [BatchNorm3d, nn.BatchNorm3d, InstanceNorm3d])
def test_it_adapts_also_where_gradients_are_off(context, first):
    network = nn.Sequential(first(1), _network())
    tent = Tent(network, steps=2, learning_rate=1e-1, episodic=False)
    before = {k: v.clone() for k, v in tent.network.state_dict().items()}
    with context():
        y = tent(SCAN + 0)
        assert not y.requires_grad
        assert not _same(before, tent.network.state_dict())
        tent.reset()
        torch.testing.assert_close(tent(SCAN + 0), y)
    tent(SCAN)


def test_it_is_not_built_where_nothing_can_learn():
    with torch.inference_mode(), pytest.raises(RuntimeError, match="outside of"):
        Tent(_network())


def test_sure_background_has_no_influence():
    logits = torch.randn(1, 3, 5)
    sure = torch.tensor([60.0, 0, 0]).view(1, 3, 1).expand(1, 3, 1000)
    both = torch.cat([logits, sure], dim=2)
    torch.testing.assert_close(weighted_entropy(both), weighted_entropy(logits))


def test_entropy_of_certainty_is_zero_and_of_ignorance_the_logarithm():
    certain = torch.tensor([0.0, 90.0, 0.0]).view(1, 3, 1)
    assert weighted_entropy(certain) < 1e-6
    torch.testing.assert_close(
        weighted_entropy(torch.zeros(1, 3, 4)), torch.tensor(3.0).log()
    )


def test_networks_that_cannot_be_adapted_are_refused():
    with pytest.raises(ValueError, match="no norm"):
        Tent(_network(NoNorm))
    with pytest.raises(ValueError, match="two classes"):
        Tent(nn.Sequential(nn.Conv3d(1, 1, 1), InstanceNorm3d(1)))(SCAN)
    for options in ({"steps": 0}, {"learning_rate": 0.0}):
        with pytest.raises(ValueError, match="positive"):
            Tent(_network(), **options)
