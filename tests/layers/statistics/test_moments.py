import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from medinorm.layers import Moments, moments


def _naive(values):
    mean = values.mean()
    return float(values.numel()), mean, (values - mean).square().sum()


def test_agrees_with_the_definition(layout):
    x = layout(torch.randn(2, 3, 4, 5, 2) * 3 + 7)
    count, mean, m2 = moments(x)
    for n in range(2):
        for c in range(3):
            wanted = _naive(x[n, c].double())
            assert count.item() == wanted[0]
            assert mean[n, c].item() == pytest.approx(wanted[1].item(), rel=1e-6)
            assert m2[n, c].item() == pytest.approx(wanted[2].item(), rel=1e-6)


@given(cut=st.integers(1, 19), offset=st.sampled_from([0.0, 1e3, 1e6]))
def test_merging_parts_gives_the_moments_of_the_whole(cut, offset):
    generator = torch.Generator().manual_seed(cut)
    x = torch.randn(1, 2, 20, dtype=torch.float64, generator=generator) + offset
    merged = Moments.merge(moments(x[..., :cut]), moments(x[..., cut:]))
    whole = moments(x)
    assert merged.count[0, 0] == 20
    torch.testing.assert_close(merged.mean, whole.mean)
    torch.testing.assert_close(merged.m2, whole.m2)


def test_pooling_samples_and_channels_is_measuring_them_together():
    x = torch.randn(3, 4, 5, dtype=torch.float64)
    pooled = moments(x).pool((0, 1))
    count, mean, m2 = _naive(x)
    assert pooled.count.item() == count
    torch.testing.assert_close(pooled.mean.squeeze(), mean)
    torch.testing.assert_close(pooled.m2.squeeze(), m2)


def test_a_mask_restricts_to_its_voxels(layout):
    x = layout(torch.randn(2, 3, 4, 4))
    mask = torch.zeros(2, 1, 4, 4)
    mask[:, :, 1:3] = 1
    measured = moments(x, mask)
    inside = moments(x[:, :, 1:3])
    torch.testing.assert_close(measured.mean, inside.mean)
    torch.testing.assert_close(measured.m2, inside.m2)
    assert (measured.count == 8).all()


def test_a_soft_mask_counts_parts_of_voxels():
    x = torch.tensor([[[1.0, 5.0]]])
    count, mean, m2 = moments(x, torch.tensor([[[1.0, 0.5]]]))
    assert count.item() == 1.5
    assert mean.item() == pytest.approx((1 + 2.5) / 1.5)
    assert m2.item() == pytest.approx((1 - 7 / 3) ** 2 + 0.5 * (5 - 7 / 3) ** 2)


def test_voxels_outside_the_mask_may_be_nan():
    x = torch.tensor([[[1.0, 3.0, float("nan")]]])
    measured = moments(x, torch.tensor([[[1.0, 1.0, 0.0]]]))
    assert measured.mean.item() == 2


def test_voxels_outside_the_mask_get_no_gradient_even_if_nan():
    x = torch.tensor([[[1.0, 3.0, float("nan")]]], requires_grad=True)
    measured = moments(x, torch.tensor([[[1.0, 1.0, 0.0]]]))
    (measured.mean + measured.m2).sum().backward()
    assert x.grad.tolist() == [[[0.5 - 2, 0.5 + 2, 0.0]]]


def test_a_mask_may_differ_between_channels(layout):
    x, mask = layout(torch.randn(2, 3, 4, 5)), torch.rand(2, 3, 4, 5)
    measured = moments(x, mask)
    for channel in range(3):
        each = moments(x[:, [channel]], mask[:, [channel]])
        torch.testing.assert_close(measured.m2[:, [channel]], each.m2)


def test_a_mask_that_is_learned_gets_its_gradient():
    x = torch.randn(1, 2, 6, dtype=torch.float64)
    mask = torch.rand(1, 1, 6, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda weight: moments(x, weight), mask)


def test_an_empty_mask_gives_zeros_and_a_count_of_zero():
    measured = moments(torch.randn(1, 2, 5), torch.zeros(1, 1, 5))
    assert measured.count.eq(0).all()
    assert measured.mean.eq(0).all()
    assert measured.variance.eq(0).all()
    assert measured.pool(1).variance.item() == 0


def test_the_spread_survives_a_large_offset(layout):
    x = layout(torch.randn(1, 4, 24, 24, 24) + 3e4)
    wanted = x.double().var((2, 3, 4), correction=0)
    torch.testing.assert_close(moments(x).variance, wanted, rtol=1e-6, atol=0)
    wanted = x.double().mean((2, 3, 4))
    torch.testing.assert_close(moments(x).mean, wanted, rtol=1e-10, atol=0)


def test_half_precision_does_not_overflow(layout):
    x = layout((torch.randn(1, 2, 16, 16, 16) * 300 + 1000).half())
    wanted = x.double().std((2, 3, 4), correction=0)
    torch.testing.assert_close(moments(x).std(0.0), wanted, rtol=1e-6, atol=0)


def test_unbiased_std_is_that_of_torch():
    x = torch.randn(2, 3, 10)
    std = moments(x).std(0.0, unbiased=True)
    torch.testing.assert_close(std, x.double().std(2))


@pytest.mark.parametrize("masked", [False, True])
def test_gradients(layout, masked):
    x = layout(torch.randn(2, 2, 3, 2, dtype=torch.float64)).requires_grad_()
    mask = torch.rand(2, 1, 3, 2, dtype=torch.float64) if masked else None
    assert gradcheck(lambda v: moments(v, mask)[1:], x)
