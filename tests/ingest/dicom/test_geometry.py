from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from medinorm.config import GeometryConfig
from medinorm.errors import GeometryError
from medinorm.ingest.dicom.geometry import Planes, stack_planes


def planes(heights, rotation=None, shift=None, spacing=(1.5, 1.25), shape=(30, 40)):
    """Parallel planes at heights along the normal, moved sideways by `shift`."""
    turn = np.eye(3) if rotation is None else rotation
    count = len(heights)
    positions = np.asarray(heights, float)[:, None] * turn[:, 2]
    if shift is not None:
        positions = positions + np.asarray(shift)[:, None] * turn[:, 0]
    return Planes(
        positions=positions + np.array([5.0, -3.0, 11.0]),
        directions=np.tile(turn[:, :2].T, (count, 1, 1)),
        spacings=np.tile(spacing, (count, 1)),
        shapes=np.tile(shape, (count, 1)),
    )


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(2, 40),
    gap=st.floats(0.3, 8.0),
    data=st.data(),
)
def test_every_slice_lands_where_its_header_says(seed, count, gap, data):
    order = data.draw(st.permutations(range(count)))
    turn = Rotation.random(random_state=seed).as_matrix()
    given_planes = planes(gap * np.array(order), turn)
    stack = stack_planes(given_planes)
    for place, number in enumerate(stack.order):
        for row, column in ((0, 0), (29, 0), (0, 39), (29, 39)):
            along_columns, along_rows = given_planes.directions[number]
            lps = (
                given_planes.positions[number]
                + column * 1.25 * along_columns
                + row * 1.5 * along_rows
            )
            ras = stack.affine @ [column, row, place, 1]
            np.testing.assert_allclose(ras[:3], lps * [-1, -1, 1], atol=1e-9)
    assert np.linalg.det(stack.affine) > 0


@pytest.mark.parametrize(
    ("heights", "verdict"),
    [
        ([0, 2, 4, 8, 10], "missing_slices: 1 missing, the first after slice 3 of 5"),
        ([0, 2, 8, 10, 14], "missing_slices: 3 missing, the first after slice 2 of 5"),
        ([0, 2, 2, 4], "duplicate: 1 of 4 slices"),
        ([0, 0, 0], "duplicate: 2 of 3 slices"),
        ([0, 2, 4.5, 6], "variable_spacing: distances of slices range from 1.5 to 2.5"),
        ([0, 1, 2, 3.4, 4.4, 5.4], "variable_spacing"),
        ([3], "single_slice"),
    ],
)
def test_uneven_stacks_are_refused_by_name(heights, verdict):
    shuffled = np.random.default_rng(1).permutation(np.array(heights, float))
    with pytest.raises(GeometryError, match=verdict):
        stack_planes(planes(shuffled))


def test_tilt_is_refused_with_its_angle():
    heights = np.arange(10.0) * 3
    shift = np.tan(np.radians(12)) * heights
    with pytest.raises(GeometryError, match=r"tilt: .* 12\.0 degrees"):
        stack_planes(planes(heights, shift=shift))


def test_one_slice_moved_sideways_is_refused():
    shift = np.zeros(10)
    shift[4] = 0.5
    with pytest.raises(GeometryError, match=r"jitter: a slice lies 0\.5 mm"):
        stack_planes(planes(np.arange(10.0), shift=shift))


def test_slow_drift_of_the_gap_is_refused():
    # Each gap is within tolerance, the places they add up to are not.
    heights = np.cumsum(np.linspace(2.0, 2.039, 60))
    with pytest.raises(GeometryError, match="jitter"):
        stack_planes(planes(heights))


def test_headers_rounded_to_hundredths_are_accepted():
    turn = Rotation.from_euler("xyz", [10, 20, 30], degrees=True).as_matrix()
    exact = planes(np.arange(30) * 1.2, turn)
    rounded = Planes(
        exact.positions.round(2),
        exact.directions.round(6),
        exact.spacings,
        exact.shapes,
    )
    stack = stack_planes(rounded)
    np.testing.assert_allclose(
        stack.affine @ [0, 0, 29, 1],
        [*(exact.positions[29] * [-1, -1, 1]), 1],
        atol=0.02,
    )


def changed(**changes):
    base = planes(np.arange(4.0))
    values = {
        name: getattr(base, name).copy()
        for name in ("positions", "directions", "spacings", "shapes")
    }
    for name, (place, value) in changes.items():
        values[name][place] = value
    return Planes(**values)


@pytest.mark.parametrize(
    ("broken", "verdict"),
    [
        (changed(positions=((1, 2), np.nan)), "no_geometry"),
        (changed(directions=(0, np.nan)), "no_geometry"),
        (changed(directions=(..., np.ones((2, 3)))), "no_geometry"),
        (changed(spacings=((2, 0), 0.0)), "no_geometry"),
        (changed(spacings=((2, 0), 1.6)), "mixed_grid"),
        (changed(shapes=((2, 0), 31)), "mixed_grid"),
        (
            changed(directions=(3, np.array([[0.0, 1, 0], [0, 0, 1]]))),
            "mixed_orientation",
        ),
    ],
)
def test_contradictory_headers_are_refused(broken, verdict):
    with pytest.raises(GeometryError, match=verdict):
        stack_planes(broken)


# The spacing of a CT of the head: fine at the base, coarse at the top.
HEAD = np.cumsum([0.0, *[4.22] * 9, *[7.38] * 8, 1.14, *[7.38] * 4])


@pytest.mark.parametrize("step", [1, -1, 3])
def test_numbers_without_a_gap_tell_a_changing_spacing(step):
    """2.5 mm, then 5 mm; numbers may fall, or skip those of other volumes."""
    heights = np.array([*np.arange(0, 25, 2.5), *np.arange(25, 50, 5.0)])
    even = replace(planes(heights), numbers=5.0 + step * np.arange(len(heights)))
    with pytest.raises(GeometryError, match=r"variable_spacing: .* 2\.5 to 5 mm"):
        stack_planes(even)
    stack = stack_planes(even, GeometryConfig(variable_spacing="resample"))
    assert stack.index[-1] == 18
    assert np.diff(stack.index).round(9).tolist() == [1.0] * 10 + [2.0] * 4


@pytest.mark.parametrize(
    "numbers",
    [None, [1, 2, 4, 5], [1, 2, np.nan, 4], [3, 3, 3, 3], [1, 2, 2, 3]],
)
def test_other_numbers_leave_a_gap_a_missing_slice(numbers):
    known = None if numbers is None else np.array(numbers, float)
    gap = replace(planes(np.array([0.0, 2, 6, 8])), numbers=known)
    for policy in (GeometryConfig(), GeometryConfig(variable_spacing="resample")):
        with pytest.raises(GeometryError, match="missing_slices: 1 missing"):
            stack_planes(gap, policy)


def test_one_small_distance_does_not_multiply_the_slices():
    policy = GeometryConfig(variable_spacing="resample")
    stack = stack_planes(planes(HEAD), policy)
    assert stack.index[-1] <= 4 * len(HEAD)
    (change,) = stack.changes
    assert "range from 1.14 to 7.38 mm: interpolated onto an even grid" in change
    places = stack.affine[2, 2] * stack.index + stack.affine[2, 3]
    np.testing.assert_allclose(places, HEAD + 11, atol=1e-9)


def test_a_hole_is_not_filled():
    heights = np.array([*np.arange(0, 10, 0.5), *np.arange(300, 310, 0.5)])
    policy = GeometryConfig(variable_spacing="resample")
    with pytest.raises(GeometryError, match="an even grid needs 620 slices"):
        stack_planes(
            replace(planes(heights), numbers=np.arange(len(heights)) * 1.0), policy
        )
