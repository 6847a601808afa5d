"""Moments of parts are merged exactly; constant scans are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import IntensityError
from medinorm.intensity import (
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


@pytest.mark.parametrize("value", [0.0, 0.1, 1.1e6, -3.3])
def test_constant_scans_are_refused(value):
    array = np.full(VOLUME.shape, value, dtype=np.float32)
    with pytest.raises(IntensityError, match=r"all 990 foreground voxels are"):
        measure_moments(array, EVERYWHERE)
    with pytest.raises(IntensityError, match=r"all 990 foreground voxels are"):
        fit_percentiles(array, EVERYWHERE, (1, 99))


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
