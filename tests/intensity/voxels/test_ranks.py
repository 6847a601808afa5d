"""Order statistics are exact, whatever the sample says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import IntensityError
from medinorm.intensity.methods.percentile import measure_quantiles
from medinorm.intensity.voxels import ranks as order

FRACTIONS = (0.0, 0.001, 0.01, 0.25, 0.5, 0.77, 0.99, 1.0)
RNG = np.random.default_rng(0)
SHAPE = (50, 51, 52)


def expected(values, fractions=FRACTIONS):
    return np.quantile(values.astype(np.float64), fractions)


ARRAYS = {
    "normal": RNG.normal(0, 1, SHAPE).astype(np.float32),
    "float64": RNG.normal(1e6, 1, SHAPE),
    "half": RNG.normal(300, 100, SHAPE).astype(np.float16),
    "int16": RNG.normal(-300, 500, SHAPE).astype(np.int16),
    "uint16": RNG.integers(0, 65536, SHAPE, dtype=np.uint16),
    "int8": RNG.integers(-128, 128, SHAPE, dtype=np.int8),
    "mostly zero": np.where(RNG.random(SHAPE) < 0.9, 0, RNG.random(SHAPE)),
    "rising": np.arange(np.prod(SHAPE), dtype=np.int32).reshape(SHAPE),
    "heavy tails": RNG.standard_cauchy(SHAPE).astype(np.float32),
    "extremes of the type": RNG.choice(np.array([-32768, 32767], np.int16), SHAPE),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
@pytest.mark.parametrize("masked", [False, True])
def test_as_numpy_of_all_values(array, masked):
    mask = RNG.random(SHAPE) < 0.6 if masked else None
    values = array if mask is None else array[mask]
    np.testing.assert_array_equal(
        measure_quantiles(array, mask, FRACTIONS), expected(values)
    )


def test_a_sample_that_misleads_costs_time_only(monkeypatch):
    """Period of the sample in the voxels: it sees one kind only."""
    array = np.tile(np.arange(order._STEP, dtype=np.float32), 3000)
    called = []
    partition = order._partition
    monkeypatch.setattr(
        order, "_partition", lambda *given: called.append(1) or partition(*given)
    )
    np.testing.assert_array_equal(
        measure_quantiles(array, None, FRACTIONS), expected(array)
    )
    assert called


@given(
    values=st.lists(st.integers(-5, 5), min_size=1, max_size=30),
    fraction=st.floats(0, 1),
)
def test_few_voxels(values, fraction):
    array = np.array(values, dtype=np.int16)
    np.testing.assert_allclose(
        measure_quantiles(array, None, [fraction]), expected(array, [fraction])
    )


@pytest.mark.parametrize("size", [100, 100_000])
def test_nan_in_the_mask_is_refused_with_its_number(size):
    array = np.linspace(0, 1, size, dtype=np.float32)
    array[[3, 50, 99]] = np.nan, np.inf, np.nan
    with pytest.raises(IntensityError, match="2 voxels are NaN and 1 infinite"):
        measure_quantiles(array, None, [0.5])
    measure_quantiles(array, np.isfinite(array), [0.5])


@pytest.mark.parametrize("size", [100, 100_000])
def test_an_empty_mask_is_refused(size):
    array = np.linspace(0, 1, size)
    with pytest.raises(IntensityError, match="no voxel is in the mask"):
        measure_quantiles(array, np.zeros(size, dtype=bool), [0.5])
