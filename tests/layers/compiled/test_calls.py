"""Compiled loops do what the ordinary code does, with one thread and with several."""

import copy
import subprocess
import sys

import pytest
import torch

from medinorm.layers import NORMS, ConditionalNetwork
from medinorm.layers.compiled import calls, enable
from medinorm.layers.statistics import blocks, pooled

pytestmark = pytest.mark.usefixtures("compiled")
both = pytest.mark.usefixtures("threads")


@pytest.fixture(params=[1, 2])
def threads(request, monkeypatch):
    """As many threads, each of which gets some voxels even of a small tensor."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: request.param)
    monkeypatch.setattr(calls, "_LEAST", 1)
    monkeypatch.setattr(pooled, "SMALL", 0)
    return request.param


def channels_last(shape, seed, dtype=torch.float32):
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    form = torch.channels_last_3d if len(shape) == 5 else torch.channels_last
    return drawn.to(dtype).contiguous(memory_format=form)


@both
@pytest.mark.parametrize("shape", [(2, 5, 6, 7, 8), (3, 4, 9, 5), (1, 3, 1, 1, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_each_function_equals_the_ordinary_one(shape, dtype):
    x, gradient = channels_last(shape, 0, dtype) + 100, channels_last(shape, 1, dtype)
    a, b, c = torch.rand(3, *shape[:2], dtype=torch.float64)
    enable(on=False)
    mean, _m2 = blocks.measure(x)
    functions = (
        lambda: blocks.measure(x)[0],
        lambda: blocks.measure(x)[1],
        lambda: blocks.apply_affine(x, mean, b, c),
        lambda: blocks.reduce_gradient(gradient, x, mean)[0],
        lambda: blocks.reduce_gradient(gradient, x, mean)[1],
        lambda: blocks.combine(gradient, x, mean, (a, b, c)),
    )
    expected = [function() for function in functions]
    enable()
    for function, wanted in zip(functions, expected, strict=True):
        found = function()
        assert found.dtype == wanted.dtype
        assert found.stride() == wanted.stride()
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@both
@pytest.mark.parametrize("name", NORMS)
def test_each_norm_and_its_gradients_equal_the_ordinary_ones(name):
    shape = (2, 8, 4, 6, 5)
    made = ConditionalNetwork(torch.nn.Sequential(NORMS[name](8)))
    given = {
        "style": torch.randn(2, 64),
        "regions": torch.randint(0, 4, (2, 1, *shape[2:])),
        "domain": torch.randint(0, 3, (2,)),
        "mask": (torch.rand(2, 1, *shape[2:]) > 0.3).float(),
    }
    conditions = {word: given[word] for word in made.needs}

    def run():
        torch.manual_seed(0)
        network = copy.deepcopy(made)  # some remember what they have seen
        x = channels_last(shape, 2).requires_grad_()
        y = network(x, **conditions)
        y.mul(channels_last(shape, 3)).sum().backward()
        learned = [p.grad for p in network.parameters() if p.grad is not None]
        return [y, x.grad, *learned]

    found = run()
    enable(on=False)
    for ours, wanted in zip(found, run(), strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)


@both
def test_a_gradient_that_lies_otherwise_in_memory():
    norm = NORMS["instance"](4)
    x = channels_last((1, 4, 3, 4, 5), 4).requires_grad_()
    norm(x).sum().backward()  # its gradient is one number, expanded
    torch.testing.assert_close(x.grad, torch.zeros_like(x), atol=1e-5, rtol=0)


FORKED = """
import os, torch
from medinorm.layers.compiled import calls
calls._LEAST = 1
torch.get_num_threads = lambda: 2  # two of torch's own would make its child wait
view = torch.randn(1, 64, 4)
calls.measure(view)
child = os.fork()
if not child:
    calls.measure(view)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_a_forked_process_has_threads_of_its_own():
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=120)
