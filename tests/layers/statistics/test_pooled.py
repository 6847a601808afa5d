import pytest
import torch
from torch.autograd import gradcheck

from medinorm.layers.statistics.moments import moments
from medinorm.layers.statistics.pooled import Pool, normalize_measured, normalize_pooled

POOLS = [Pool(4), Pool(2), Pool(1), Pool(4, samples=True), Pool(2, samples=True)]


def _reference(x, pool, weight, bias, eps=1e-5):
    """The definition, in float64."""
    x = x.double()
    split = x.reshape(x.shape[0], pool.groups, -1)
    dims = (0, 2) if pool.samples else (2,)
    mean = split.mean(dims, keepdim=True)
    variance = split.var(dims, keepdim=True, correction=0)
    y = ((split - mean) / (variance + eps).sqrt()).view_as(x)
    expanded = [t.double().expand(x.shape[:2])[..., None, None] for t in (weight, bias)]
    return y * expanded[0] + expanded[1]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("size", [(4,), (3, 4)])
def test_agrees_with_the_definition(layout, pool, size):
    x = layout(torch.randn(3, 4, 6, 5) * 2 + 3)
    weight, bias = torch.randn(size), torch.randn(size)
    y = normalize_pooled(x, pool, weight, bias)
    wanted = _reference(x, pool, weight, bias)
    torch.testing.assert_close(y.double(), wanted, rtol=1e-5, atol=1e-5)
    assert y.stride() == x.stride()


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("per_sample", [False, True])
def test_strided_weights_are_read_right(layout, channels, per_sample):
    x, pool = layout(torch.randn(5, channels, 4, 3)), Pool(channels)
    both = torch.randn(5, 2 * channels)
    weight, bias = both.chunk(2, dim=1) if per_sample else both[0].view(-1, 2).unbind(1)
    wanted = _reference(x, pool, weight, bias)
    y = normalize_pooled(x, pool, weight, bias).double()
    torch.testing.assert_close(y, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("size", [(4,), (2, 4)])
def test_gradients(layout, pool, size):
    x = layout(torch.randn(2, 4, 3, 2, dtype=torch.float64)).requires_grad_()
    terms = [torch.randn(size, dtype=torch.float64, requires_grad=True) for _ in "ab"]
    assert gradcheck(
        lambda *arguments: normalize_pooled(arguments[0], pool, *arguments[1:]),
        (x, *terms),
    )


@pytest.mark.parametrize("pool", POOLS)
def test_the_moments_are_those_of_all_that_share(layout, pool):
    x = layout(torch.randn(2, 4, 3, 5))
    _, pooled = normalize_measured(x, pool, None, None, 1e-5)
    if pool.samples:
        for group in range(pool.groups):
            channels = slice(group * 4 // pool.groups, (group + 1) * 4 // pool.groups)
            wanted = moments(x[:, channels].reshape(1, 1, -1))
            assert pooled.mean[:, channels].allclose(wanted.mean, atol=1e-6)
            assert pooled.m2[:, channels].allclose(wanted.m2)
    assert not pooled.mean.requires_grad


@pytest.mark.parametrize("mean", [0, 1e3, 3e4])
@pytest.mark.parametrize("std", [1e-2, 1, 1e2])
@pytest.mark.parametrize("pool", POOLS)
def test_offsets_do_not_cost_digits(layout, pool, mean, std):
    x = layout(torch.randn(2, 4, 24, 25) * std + mean)
    one, zero = torch.ones(4), torch.zeros(4)
    error = normalize_pooled(x, pool).double() - _reference(x, pool, one, zero)
    # One rounding of the mean moves the result by |mean| / std * 2^-24.
    allowed = 2e-6 + 2 * mean / std * 2.0**-24
    assert error.abs().max() < allowed


def test_taking_the_mean_out_keeps_the_gradient():
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64) + 1e4  # beyond LARGEST_RATIO
    x.requires_grad_()
    assert gradcheck(lambda v: normalize_pooled(v, Pool(2)), x, eps=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("pool", POOLS)
def test_half_precision_has_float32_statistics(layout, pool, dtype):
    x = layout((torch.randn(2, 4, 16, 16) * 300 + 1000).to(dtype)).requires_grad_()
    y = normalize_pooled(x, pool)
    assert y.dtype == dtype
    wanted = _reference(x, pool, torch.ones(4), torch.zeros(4))
    torch.testing.assert_close(y.double(), wanted, rtol=1e-2, atol=1e-2)
    y.square().sum().backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("pool", POOLS)
def test_one_value_per_statistic_is_refused(pool):
    x = torch.zeros(1, pool.groups, 1)
    with pytest.raises(ValueError, match="more than one value"):
        normalize_pooled(x, pool)
