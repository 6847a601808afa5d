"""Laws of the linear intensity maps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import IntensityError
from medinorm.intensity import (
    LinearMap,
    fit_percentiles,
    measure_moments,
    merge_moments,
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


def test_the_mask_restricts_the_fit_and_not_the_map():
    array = VOLUME.copy()
    mask = np.zeros(array.shape[1:], dtype=bool)
    mask[:4] = True
    array[0, 4:] = 1e5
    mapped = zscore(array, [mask])
    assert abs(mapped[0][mask].mean()) < 1e-5
    assert mapped[0, 4:].min() > 100


def test_channels_are_mapped_by_themselves():
    array = np.concatenate([VOLUME, VOLUME * 1000 + 7])
    mapped = zscore(array, EVERYWHERE * 2)
    np.testing.assert_allclose(mapped[0], mapped[1], atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, 1.1e6, -3.3])
def test_constant_scans_are_refused(value):
    array = np.full(VOLUME.shape, value, dtype=np.float32)
    with pytest.raises(IntensityError, match=r"all 990 foreground voxels are"):
        measure_moments(array, EVERYWHERE)
    with pytest.raises(IntensityError, match=r"all 990 foreground voxels are"):
        fit_percentiles(array, EVERYWHERE, (1, 99))


def test_percentiles_that_coincide_are_refused():
    array = np.zeros(VOLUME.shape)
    array[0, 0, 0, 0] = 5
    with pytest.raises(IntensityError, match="percentiles 1 and 99 are both 0"):
        fit_percentiles(array, EVERYWHERE, (1, 99))


def test_percentiles_are_exact_and_clipped():
    array = np.arange(101, dtype=np.int16).reshape(1, 101, 1, 1)
    mapped = fit_percentiles(array, [np.ones((101, 1, 1), bool)], (10, 90)).apply(array)
    assert mapped[0, 10, 0, 0] == 0
    assert mapped[0, 90, 0, 0] == 1
    assert mapped[0, 50, 0, 0] == 0.5
    assert (mapped.min(), mapped.max()) == (0, 1)


@given(cut=st.integers(1, 8))
def test_merged_moments_are_those_of_the_whole(cut):
    masks = EVERYWHERE[0]
    parts = [
        measure_moments(VOLUME[:, rows], [masks[rows]])
        for rows in (slice(None, cut), slice(cut, None))
    ]
    whole = measure_moments(VOLUME, EVERYWHERE)
    merged = merge_moments(parts)
    assert merged.count == whole.count
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(merged.std, whole.std, rtol=1e-12)


def test_the_number_of_channels_must_fit():
    with pytest.raises(IntensityError, match="the image has 2 channels, the map 1"):
        LinearMap((0.0,), (1.0,)).apply(np.zeros((2, 3, 3, 3)))
