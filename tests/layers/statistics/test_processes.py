"""Sums over processes: two of them measure what one does."""

import torch
from torch import distributed

from medinorm.jobs.processes import run_in_processes
from medinorm.layers.norms.batch import BatchNorm3d
from medinorm.layers.statistics.processes import process_count, process_rank
from medinorm.train.trainer import joined


def step(x, norm):
    x = x.clone().requires_grad_()
    y = norm(x)
    y.square().mul(torch.linspace(0, 1, y[0].numel()).view_as(y[0])).sum().backward()
    return y.detach(), x.grad


def test_alone_there_is_one_process():
    assert (process_count(), process_rank()) == (1, 0)


def test_batch_norm_of_two_processes_is_that_of_one():
    x = torch.randn(4, 3, 4, 4, 4, generator=torch.Generator().manual_seed(0)) + 100
    alone = BatchNorm3d(3)
    y, gradient = step(x, alone)

    def work(place):
        with joined(place, "cpu"):
            norm = BatchNorm3d(3)
            mine = slice(place.rank, None, 2)
            own_y, own_gradient = step(x[mine], norm)
            torch.testing.assert_close(own_y, y[mine], atol=1e-4, rtol=0)
            torch.testing.assert_close(own_gradient, gradient[mine], atol=1e-3, rtol=0)
            torch.testing.assert_close(norm.running_var, alone.running_var)
            assert distributed.get_world_size() == 2

    run_in_processes(work, 2)
