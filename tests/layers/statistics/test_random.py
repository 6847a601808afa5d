import copy
from functools import partial

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from medinorm.layers import DSU
from medinorm.layers.statistics.random import Draws


def test_a_stream_of_its_own_leaves_the_global_one_alone():
    before = torch.get_rng_state()
    draws = Draws(seed=1)
    draws.uniform(0, 1, 3), draws.normal(2, 2), draws.order(4), draws.beta(0.1, 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_it_follows_the_global_one():
    torch.manual_seed(4)
    first = Draws().beta(0.3, 5)
    torch.manual_seed(4)
    assert torch.equal(Draws().beta(0.3, 5), first)


def test_numbers_have_their_distributions():
    draws = Draws(seed=0)
    beta = draws.beta(0.1, 20_000)
    assert abs(beta.mean() - 0.5) < 0.02
    assert abs(beta.var() - 0.25 / 1.2) < 0.01
    uniform = draws.uniform(2.0, 5.0, 20_000)
    assert uniform.min() >= 2
    assert uniform.max() <= 5
    assert abs(uniform.mean() - 3.5) < 0.05
    assert abs(draws.normal(20_000).std() - 1) < 0.03
    assert sorted(draws.order(9).tolist()) == list(range(9))


def test_a_copy_goes_on_where_the_original_was():
    draws = Draws(seed=2)
    draws.normal(3)
    twin = copy.deepcopy(draws)
    assert torch.equal(twin.normal(3), draws.normal(3))


def test_checkpoints_draw_the_same_without_a_seed():
    layer, x = DSU(1.0), torch.randn(3, 2, 9, requires_grad=True)
    gradients = []
    for run in (layer, partial(checkpoint, layer, use_reentrant=False)):
        torch.manual_seed(5)
        gradients += torch.autograd.grad(run(x).pow(3).sum(), x)
    assert torch.equal(*gradients)


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoints_refuse_a_seed(reentrant):
    layer, x = DSU(1.0, seed=0), torch.randn(3, 2, 9, requires_grad=True)
    y = checkpoint(layer, x, use_reentrant=reentrant)
    with pytest.raises(ValueError, match="leave out its seed"):
        y.sum().backward()
