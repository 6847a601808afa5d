"""The kernels against what they replace on the CPU and against float64."""

import pytest
import torch

from medinorm.layers import kernels
from medinorm.layers.kernels.tiling import Tiling
from medinorm.layers.statistics import blocks

SHAPES = [(2, 3, 5, 3, 3), (1, 1, 1), (3, 2, 2), (1, 20, 4, 3)]


@pytest.fixture(params=SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def x(request, layout):
    return layout(10 + torch.randn(request.param))


def statistics(x):
    return torch.randn(4, *x.shape[:2], dtype=torch.float64)


@pytest.mark.usefixtures("cut")
def test_moments_are_those_of_float64(x):
    mean, m2 = kernels.measure(x)
    values = x.double().flatten(2)
    wanted = values.mean(2)
    torch.testing.assert_close(mean, wanted, rtol=0, atol=1e-6)
    away = values - wanted.unsqueeze(2)
    torch.testing.assert_close(m2, away.square().sum(2), rtol=1e-5, atol=1e-9)


def test_tensors_are_cut_as_meant(cut):
    tiling = Tiling.of(torch.zeros(1, 2, 10, 10, 10))
    assert (tiling.chunks > 1) == (cut == "many_chunks")
    assert (tiling.steps > 1) == (cut == "many_chunks")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.usefixtures("cut")
def test_maps_are_those_of_the_cpu(x, dtype):
    x = x.to(dtype)
    mean, scale, bias, _ = statistics(x)
    y = kernels.apply_affine(x, mean, scale, bias)
    assert y.dtype == dtype
    assert y.stride() == x.stride()
    torch.testing.assert_close(
        y, blocks.apply_affine(x, mean, scale, bias), rtol=1e-2, atol=1e-5
    )


@pytest.mark.usefixtures("cut")
def test_gradient_sums_are_those_of_the_cpu(x):
    mean, gradient = statistics(x)[0], torch.randn(x.shape)
    sums = kernels.reduce_gradient(gradient, x, mean)
    wanted = blocks.reduce_gradient(gradient, x, mean)
    torch.testing.assert_close(sums, wanted, rtol=1e-5, atol=1e-4)


@pytest.mark.usefixtures("cut")
def test_combinations_are_those_of_the_cpu(x):
    mean, *factors = statistics(x)
    gradient = torch.randn(x.shape)
    y = kernels.combine(gradient, x, mean, tuple(factors))
    assert y.stride() == x.stride()
    wanted = blocks.combine(gradient, x, mean, tuple(factors))
    torch.testing.assert_close(y, wanted, rtol=1e-5, atol=1e-5)


def test_other_layouts_are_copied():
    x = torch.randn(4, 5, 6, 2, 3)
    for view in (x.transpose(2, 4), x.transpose(0, 1), x[:, ::2], x[..., 1:]):
        mean, m2 = kernels.measure(view)
        torch.testing.assert_close(
            (mean, m2), blocks.measure(view), rtol=1e-5, atol=1e-7
        )


@pytest.mark.usefixtures("cut")
def test_results_repeat_to_the_last_bit(layout):
    x = layout(torch.randn(2, 5, 4, 5, 6))
    first, second = kernels.measure(x), kernels.measure(x.clone())
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
