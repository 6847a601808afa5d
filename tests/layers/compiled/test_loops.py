"""The loops, compared with their definitions in float64."""

import numpy as np
import pytest

loops = pytest.importorskip(
    "medinorm.layers.compiled.loops", reason="medinorm[compiled]"
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 64, 5), (2, 333, 7)])
def test_moments_keep_their_digits_at_a_large_mean(dtype, shape):
    x = (1e4 + np.random.default_rng(0).normal(size=shape)).astype(dtype)
    sums = np.empty((2, shape[0], shape[2]))
    loops.measure(x, 0, shape[1], sums)
    mean, m2 = sums
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(1), rtol=1e-9)
    expected = np.square(exact - exact.mean(1, keepdims=True)).sum(1)
    np.testing.assert_allclose(m2, expected, rtol=1e-5, atol=1e-12)


def test_a_range_is_all_that_is_read_and_written():
    x = np.full((1, 10, 2), np.nan, dtype=np.float32)
    x[:, 3:7] = 2
    sums = np.empty((2, 1, 2))
    loops.measure(x, 3, 7, sums)
    assert (sums == np.array([2, 0])[:, None, None]).all()
    ones, out = np.ones((3, 1, 2), np.float32), np.zeros_like(x)
    loops.apply_affine(x, ones, 3, 7, out)
    assert (out[:, 3:7] == 2).all()
    assert (out[:, :3] == 0).all()
    assert (out[:, 7:] == 0).all()
    loops.reduce_gradient(x, x, ones[0], 3, 7, sums)
    assert (sums == 8).all()
