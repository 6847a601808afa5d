"""Laws of the linear intensity maps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.intensity import (
    fit_percentiles,
    measure_moments,
    standardize,
)

RNG = np.random.default_rng(0)
VOLUME = RNG.gamma(2.0, 50.0, (1, 9, 10, 11))
EVERYWHERE = [np.ones(VOLUME.shape[1:], dtype=bool)]


def zscore(array, masks=EVERYWHERE):
    return standardize(measure_moments(array, masks)).apply(array)


@given(gain=st.floats(0.1, 1e3), offset=st.floats(-1e3, 1e3))
def test_scanner_gain_and_offset_vanish(gain, offset):
    np.testing.assert_allclose(
        zscore(gain * VOLUME + offset), zscore(VOLUME), atol=1e-4
    )
    masks = EVERYWHERE
    scaled = gain * VOLUME + offset
    np.testing.assert_allclose(
        fit_percentiles(scaled, masks, (1, 99)).apply(scaled),
        fit_percentiles(VOLUME, masks, (1, 99)).apply(VOLUME),
        atol=1e-4,
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float16, "f4"])
def test_any_type_gives_mean_0_and_std_1_as_float32(dtype):
    array = (VOLUME / VOLUME.max() * 200).astype(dtype)
    mapped = zscore(array)
    assert mapped.dtype == np.float32
    assert abs(mapped.mean(dtype=float)) < 1e-6
    assert abs(mapped.std(dtype=float) - 1) < 1e-6


def test_a_large_offset_does_not_cost_precision():
    array = RNG.normal(1e6, 1.0, VOLUME.shape).astype(np.float32)
    exact = array.astype(np.float64)
    expected = (exact - exact.mean()) / exact.std()
    np.testing.assert_allclose(zscore(array), expected, atol=1e-5)


def test_the_input_is_not_changed():
    array = VOLUME.astype(np.float32)
    before = array.copy()
    zscore(array)
    fit_percentiles(array, EVERYWHERE, (1, 99)).apply(array)
    np.testing.assert_array_equal(array, before)
