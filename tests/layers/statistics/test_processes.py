"""Sums over processes: two of them measure what one does."""

import weakref
from functools import partial

import pytest
import torch
from torch import distributed, nn

from medinorm.jobs.processes import run_in_processes
from medinorm.layers import NORMS, ConditionalNetwork
from medinorm.layers.norms.batch import BatchNorm3d
from medinorm.layers.statistics.processes import process_count, process_rank
from medinorm.train.trainer import joined

pytestmark = pytest.mark.usefixtures("process_server")


def step(x, norm):
    x = x.clone().requires_grad_()
    y = norm(x)
    y.square().mul(torch.linspace(0, 1, y[0].numel()).view_as(y[0])).sum().backward()
    return y.detach(), x.grad


def test_alone_there_is_one_process():
    assert (process_count(), process_rank()) == (1, 0)


def normalize_a_share(x, y, gradient, variance, place):
    with joined(place, "cpu"):
        norm = BatchNorm3d(3)
        mine = slice(place.rank, None, 2)
        own_y, own_gradient = step(x[mine], norm)
        torch.testing.assert_close(own_y, y[mine], atol=1e-4, rtol=0)
        torch.testing.assert_close(own_gradient, gradient[mine], atol=1e-3, rtol=0)
        torch.testing.assert_close(norm.running_var, variance)
        assert distributed.get_world_size() == 2


def test_batch_norm_of_two_processes_is_that_of_one():
    x = torch.randn(4, 3, 4, 4, 4, generator=torch.Generator().manual_seed(0)) + 100
    alone = BatchNorm3d(3)
    y, gradient = step(x, alone)

    variance = alone.running_var
    run_in_processes(partial(normalize_a_share, x, y, gradient, variance), 2)


def leave_a_group(place):
    with joined(place, "cpu"):
        left = weakref.ref(distributed.group.WORLD)
    assert left() is not None


def test_a_group_outlives_the_last_network_that_uses_it():
    """Its end would wait for a thread that waits for Python's lock: for ever."""
    run_in_processes(leave_a_group, 2)


SCANS = torch.randn(4, 1, 3, 4, 5, generator=torch.Generator().manual_seed(1))
DOMAIN = torch.tensor([0, 1, 1, 1])  # the second process lacks the first domain
SHARES = (slice(0, 3), slice(3, 4))


def make(name):
    torch.manual_seed(0)
    return ConditionalNetwork(nn.Sequential(nn.Conv3d(1, 4, 1), NORMS[name](4)))


def train(network, mine, share):
    y = network(SCANS[mine], domain=DOMAIN[mine])
    (y.pow(3).mean() * share).backward()
    return y.detach()


def train_a_share(name, place):
    """One process alone does all of it too, and compares."""
    alone = make(name)
    whole = train(alone, slice(None), 1.0)
    with joined(place, "cpu"):
        mine, network = SHARES[place.rank], make(name)
        both = nn.parallel.DistributedDataParallel(network)
        # DDP averages gradients: each process counts as much as it has samples.
        y = train(both, mine, 2 * len(SCANS[mine]) / 4)
        close = {"rtol": 1e-3, "atol": 1e-5}
        torch.testing.assert_close(y, whole[mine], **close)
        pairs = zip(alone.parameters(), network.parameters(), strict=True)
        for one, two in pairs:
            torch.testing.assert_close(two.grad, one.grad, **close)
        for one, two in zip(alone.buffers(), network.buffers(), strict=True):
            torch.testing.assert_close(two, one)
        if place.rank == 0:  # evaluation waits for nobody
            network.eval()(SCANS, domain=DOMAIN)


@pytest.mark.parametrize(
    "name", ["batch", "batch_instance", "ibn", "switchable", "domain_specific"]
)
def test_two_processes_train_as_one_does(name):
    run_in_processes(partial(train_a_share, name), 2)


def test_torchs_conversion_takes_over_what_was_learned():
    ours = BatchNorm3d(4, eps=1e-3, momentum=0.3)
    ours(torch.randn(2, 4, 3, 3, 3))
    theirs = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(ours))[0]
    assert isinstance(theirs, nn.SyncBatchNorm)
    assert theirs.weight is ours.weight
    assert torch.equal(theirs.running_mean, ours.running_mean)
    assert (theirs.eps, theirs.momentum) == (1e-3, 0.3)
