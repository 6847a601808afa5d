"""Levels, strides and kernels; laws that hold for any patch and spacing."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from medinorm.training_plan.topology import (
    explicit_topology,
    plan_topology,
    shrinks_by,
    uniform_topology,
)

SIZES = st.tuples(*[st.integers(1, 300)] * 3)
SPACINGS = st.tuples(*[st.floats(0.3, 8)] * 3)


@given(extent=SIZES, spacing=SPACINGS, levels=st.none() | st.integers(2, 5))
def test_a_patch_fits_into_the_scan_and_is_halved_evenly(extent, spacing, levels):
    planned = plan_topology(extent, spacing, levels)
    assert all(n <= whole for n, whole in zip(planned.patch, extent, strict=True))
    shrunk = shrinks_by(planned.strides)
    assert not any(n % by for n, by in zip(planned.patch, shrunk, strict=True))
    assert all(
        n // by >= 4 or by == 1 for n, by in zip(planned.patch, shrunk, strict=True)
    )
    assert len(planned.kernels) == len(planned.strides) + 1 == planned.levels
    assert levels is None or planned.levels == levels


@given(extent=SIZES, spacing=SPACINGS)
def test_a_wide_convolution_stays_wide_in_deeper_levels(extent, spacing):
    kernels = plan_topology(extent, spacing, None).kernels
    for above, below in pairwise(kernels):
        assert all(a <= b for a, b in zip(above, below, strict=True))


def test_a_thin_stack_is_first_pooled_within_its_slices():
    planned = plan_topology((128, 128, 24), (0.9, 0.9, 4.0), None)
    assert planned.strides[:2] == ((2, 2, 1), (2, 2, 1))
    assert planned.kernels[0] == (3, 3, 1)
    assert planned.kernels[-1] == (3, 3, 3)
    very_thin = plan_topology((128, 128, 7), (0.9, 0.9, 4.0), None)
    assert {stride[2] for stride in very_thin.strides} == {1}
    assert very_thin.patch == (128, 128, 7)


def test_equal_axes_are_halved_together():
    planned = plan_topology((48, 48, 48), (3.0, 3.0, 3.0), None)
    assert planned.strides == ((2, 2, 2),) * 3
    assert planned.kernels == ((3, 3, 3),) * 4


def test_explicit_strides_are_kept():
    planned = explicit_topology((50, 50, 9), [(2, 2, 1)], (), (1.0, 1.0, 3.0))
    assert planned.patch == (50, 50, 9)
    assert planned.kernels == ((3, 3, 1), (3, 3, 3))
    wide = ((1, 1, 1), (3, 3, 3))
    planned = explicit_topology((51, 50, 9), [(2, 2, 1)], wide, (1, 1, 1))
    assert planned.kernels == wide
    assert planned.patch == (50, 50, 9)


@given(extent=SIZES, levels=st.none() | st.integers(2, 4))
def test_networks_with_equal_levels_halve_all_axes(extent, levels):
    planned = uniform_topology(extent, levels)
    assert set(planned.strides) == {(2, 2, 2)}
    assert not any(n % math.prod([2] * (planned.levels - 1)) for n in planned.patch)
