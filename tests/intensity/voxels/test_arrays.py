"""Voxels are measured in float64, block by block, and mapped without loss."""

import numpy as np
import pytest

from medinorm.errors import IntensityError
from medinorm.intensity.voxels.arrays import (
    BLOCK,
    blocks,
    count_nonfinite,
    exact_in_float32,
    measure,
    measure_any,
    select,
    subtract_divide,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("size", [1, 7, BLOCK - 1, BLOCK, 3 * BLOCK + 5])
def test_moments_are_those_of_numpy_whatever_the_blocks(size):
    values = RNG.normal(1000, 3, size).astype(np.float32)
    mask = np.arange(size) % 3 == 0
    for inside, chosen in ((None, values), (mask, values[mask])):
        measured = measure(values, inside)
        assert measured.count == chosen.size
        assert measured.mean == pytest.approx(chosen.mean(dtype=float), rel=1e-12)
        assert measured.std == pytest.approx(chosen.std(dtype=float), rel=1e-9)


def test_a_rule_picks_as_its_mask_does():
    values = RNG.normal(0, 3, (40, 50, 30)).astype(np.float32)
    assert measure(values, lambda voxels: voxels > 1).mean == pytest.approx(
        measure(values, values > 1).mean, rel=1e-12
    )


def test_a_constant_has_no_deviation_though_rounding_leaves_some():
    values = np.full(100_003, 0.1, dtype=np.float32)
    assert values.std() > 0  # what other packages ask
    assert measure(values).m2 == 0


def test_nothing_measured_is_refused_or_empty():
    nothing = np.zeros(5, dtype=bool)
    with pytest.raises(IntensityError, match="no voxel is in the foreground"):
        measure(np.ones(5), nothing)
    assert measure_any(np.ones(5), nothing).count == 0


def test_what_is_not_finite_is_counted():
    values = np.zeros((300, 300))
    values[0, :3], values[7, 1] = np.nan, -np.inf
    assert count_nonfinite(values) == (3, 1)
    assert count_nonfinite(np.zeros(3, dtype=np.int16)) == (0, 0)


def test_blocks_cover_every_voxel_once_in_the_order_of_memory():
    values = np.asfortranarray(RNG.normal(size=(70, 80, 90)))
    with blocks(values) as each:
        seen = np.concatenate([block.copy() for block in each])
    assert (seen == values.ravel(order="K")).all()
    assert select(values, None).shape == (values.size,)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_a_large_offset_is_removed_exactly(dtype):
    offset = 30_000 if dtype is np.int16 else 1e6
    values = (offset + np.arange(100)).astype(dtype)
    mapped = subtract_divide(values, offset + 0.25, 2.0)
    assert mapped.dtype == np.float32
    np.testing.assert_allclose(mapped, (np.arange(100) - 0.25) / 2, rtol=1e-6)
    assert subtract_divide(values, offset, 1.0, limits=(0, 5)).max() == 5


def test_which_types_are_exact_in_float32():
    assert exact_in_float32(np.dtype(np.uint16))
    assert not exact_in_float32(np.dtype(np.int32))
