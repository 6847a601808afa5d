import copy

import pytest
import torch
from torch import nn

from medinorm.layers import (
    NORMS,
    BatchNorm3d,
    ConditionalNetwork,
    InstanceNorm3d,
    adapt_batch_statistics,
)
from medinorm.layers.test_time.adabn import running_layers

BATCHES = [torch.randn(2, 3, 5, 5, 5) * gain + gain for gain in (1.0, 4.0, 7.0)]


@pytest.mark.parametrize("kind", [nn.BatchNorm3d, BatchNorm3d])
def test_statistics_are_those_of_all_batches_together(kind):
    network = nn.Sequential(kind(3)).eval()
    adapted = adapt_batch_statistics(network, BATCHES)
    pooled = torch.cat(BATCHES).transpose(0, 1).flatten(1)
    torch.testing.assert_close(adapted[0].running_mean, pooled.mean(1))
    torch.testing.assert_close(adapted[0].running_var, pooled.var(1), rtol=1e-2, atol=0)


def test_the_original_stays_as_it_is():
    network = nn.Sequential(nn.Conv3d(3, 4, 3), BatchNorm3d(4), nn.Dropout(0.5)).train()
    before = copy.deepcopy(network.state_dict())
    adapted = adapt_batch_statistics(network, BATCHES)
    assert all(torch.equal(network.state_dict()[key], v) for key, v in before.items())
    assert network.training
    assert not any(module.training for module in adapted.modules())
    assert adapted[1].momentum == 0.1
    torch.testing.assert_close(adapted[0].weight, network[0].weight)


def test_a_gain_of_the_scanner_is_undone():
    network = nn.Sequential(BatchNorm3d(3), nn.Conv3d(3, 2, 3), BatchNorm3d(2))
    for batch in BATCHES * 20:
        network(batch)
    network = adapt_batch_statistics(network, BATCHES)
    shifted = [5 * batch - 20 for batch in BATCHES]
    adapted = adapt_batch_statistics(network, shifted)
    wanted, y = network(BATCHES[0]), adapted(shifted[0])
    torch.testing.assert_close(y, wanted, rtol=1e-3, atol=1e-3)
    assert (network(shifted[0]) - wanted).abs().max() > 1


@pytest.mark.parametrize("name", ["batch", "batch_instance", "ibn", "switchable"])
def test_every_norm_with_a_batch_part_can_be_adapted(name):
    adapted = adapt_batch_statistics(nn.Sequential(NORMS[name](3)), BATCHES)
    (layer,) = running_layers(adapted)
    assert layer.running_mean.mean() == pytest.approx(4.0, abs=0.3)


def test_the_call_may_bring_conditions():
    network = ConditionalNetwork(
        nn.Sequential(BatchNorm3d(3), NORMS["masked_instance"](3))
    )
    mask = torch.ones(1, 1, 5, 5, 5)
    adapted = adapt_batch_statistics(
        network, BATCHES, lambda network, batch: network(batch, mask=mask)
    )
    assert adapted.network[0].running_mean.abs().sum() > 1


def test_a_network_without_statistics_is_refused():
    with pytest.raises(ValueError, match="no batch statistics"):
        adapt_batch_statistics(InstanceNorm3d(3), BATCHES)


def test_no_scans_are_refused():
    with pytest.raises(ValueError, match="no scans"):
        adapt_batch_statistics(BatchNorm3d(3), [])
