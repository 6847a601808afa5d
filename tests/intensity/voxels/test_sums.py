"""Moments of parts are those of the whole, wherever the mean is."""

import numpy as np
import pytest

from medinorm.errors import IntensityError
from medinorm.intensity.voxels.sums import (
    VoxelMoments,
    merge,
    refuse_nonfinite,
    split_offset,
)


def moments_of(values):
    mean = values.mean()
    return VoxelMoments(values.size, float(mean), float(np.square(values - mean).sum()))


def test_merged_parts_are_the_whole_far_from_zero():
    values = 1e9 + np.random.default_rng(0).normal(0, 1, 1000)
    merged = merge([moments_of(part) for part in np.split(values, [3, 400])])
    assert merged.count == 1000
    assert merged.mean == pytest.approx(values.mean(), rel=1e-15)
    assert merged.std == pytest.approx(values.std(), rel=1e-6)


def test_empty_parts_count_for_nothing():
    one = VoxelMoments(2, 5.0, 8.0)
    assert merge([VoxelMoments(0, np.nan, np.nan), one]) == one
    assert merge([]) == VoxelMoments(0, 0.0, 0.0)


def test_what_is_not_finite_is_refused_with_its_number():
    refuse_nonfinite(0, 0)
    with pytest.raises(IntensityError, match="2 voxels are NaN and 1 infinite"):
        refuse_nonfinite(2, 1)


def test_an_offset_is_split_without_loss():
    near, rest = split_offset(1e6 + 1 / 3, 0.5)
    assert near.dtype == np.float32
    assert float(near) + 0.5 * rest == pytest.approx(1e6 + 1 / 3, rel=1e-15)
    assert split_offset(2.0, 4.0) == (2, 0)
