import nibabel as nib
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from medinorm.errors import GeometryError
from medinorm.files.places import (
    Place,
    corner_distance,
    corners_agree,
    describe_difference,
    differ,
    is_singular,
    places_of,
)

GRID = (11, 21, 31)


def header(sform=None, qform=None):
    image = nib.Nifti1Image(np.zeros(GRID, np.uint8), np.diag([2.0, 2, 3, 1]))
    image.set_qform(qform, code=0 if qform is None else 1)
    image.set_sform(sform, code=0 if sform is None else 1)
    return image.header


def sources(*arguments):
    return [place.source for place in places_of(*arguments)]


def test_the_sform_comes_first_and_sizes_count_without_a_qform():
    both, sizes = header(np.eye(4), np.eye(4)), np.array([2.0, 2, 3])
    assert sources(both) == ["sform", "qform"]
    assert sources(both, sizes) == ["sform", "qform"]
    assert sources(header(np.eye(4)), sizes) == ["sform", "pixdim"]
    assert sources(header(np.eye(4))) == ["sform"]
    assert sources(header(None, np.eye(4)), sizes) == ["qform"]
    assert sources(header(), sizes) == ["pixdim"]


def test_sizes_replace_those_of_the_sform_only():
    sform = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.3), [5, 6, 7])
    _, place = places_of(header(sform), np.array([2.0, -2, 3]))
    np.testing.assert_allclose(place.sizes, [2, 2, 3])
    np.testing.assert_allclose(place.affine[:3, :3] / [2, 2, 3], sform[:3, :3])
    np.testing.assert_array_equal(place.affine[:, 3], sform[:, 3])


def test_without_any_size_there_is_no_place():
    with pytest.raises(GeometryError, match="voxel sizes"):
        places_of(header(), np.array([2.0, 0, 3]))


def test_distances_of_corners_are_in_voxels_of_the_axis():
    one, other = np.diag([2.0, 2, 5, 1]), np.diag([2.0, 2, 5.5, 1])
    assert corner_distance(GRID, one, other) == pytest.approx(3)
    other = one.copy()
    other[2, 3] = 0.5
    assert corner_distance(GRID, one, other) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("change", "contrary"),
    [
        ([1.004, 1, 1], False),
        ([1.02, 1, 1], True),
        ([1, 1, -1], True),
    ],
)
def test_small_differences_of_size_are_rounding(change, contrary):
    one = Place("sform", np.eye(4))
    assert differ(GRID, one, Place("qform", np.diag([*change, 1.0]))) == contrary


def test_a_difference_is_named():
    turned = np.eye(4)[[1, 2, 0, 3]]
    assert "turned" in describe_difference(Place("a", np.eye(4)), Place("b", turned))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3])
def test_whether_axes_span_space_is_no_question_of_scale(scale):
    sheared = np.array([[1, 0, 0.5], [0, 1, 0], [0, 0.1, 1]]) * scale
    assert not is_singular(nib.affines.from_matvec(sheared))
    flat = np.array([[1, 1, 0], [0, 0, 1], [0, 0, 0]]) * scale
    assert is_singular(nib.affines.from_matvec(flat))


NUMBERS = st.floats(-300, 300) | st.sampled_from([0.0, 1e-40, np.inf, np.nan, 1e100])
CELLS = st.lists(NUMBERS, min_size=12, max_size=12)


def affine_of(cells):
    return np.vstack([np.reshape(cells, (3, 4)), [0, 0, 0, 1]])


@given(CELLS)
@example([1.0, 0, 0, np.nan, 0, 1, 0, 0, 0, 0, 1, 0])
@example([1.0, 1, 0, 0, 0, 2e-4, 0, 0, 0, 0, 1, 0])
@example([1.0, 1, 0, 0, 0, 1e-4, 0, 0, 0, 0, 1, 0])
def test_a_bound_calls_no_singular_affine_regular(cells):
    affine = affine_of(cells)
    with np.errstate(all="ignore"):
        sizes = np.linalg.norm(affine[:3, :3], axis=0)
        usable = np.isfinite(affine).all() and sizes.all() and np.isfinite(sizes).all()
        exact = not usable or np.linalg.cond(affine[:3, :3] / sizes) > 1e4
        assert is_singular(affine) == exact


@given(
    CELLS,
    st.lists(st.floats(-1, 1), min_size=12, max_size=12),
    st.floats(-9, 1),
    st.sampled_from([1e-3, 0.05, 0.5]),
)
@example([0.0, 1, 0, 9, 1, 0, 0, 9, 0, 0, 1, 9], [0.0] * 12, 0, 1e-3)
@example([1.0, 0, 0, 9, 1, 0.01, 0, 9, 0, 0, 1, 9], [0.0, 1] * 6, -5, 0.05)
def test_a_bound_agrees_with_the_distances_of_corners(cells, moves, power, tolerance):
    one, other = affine_of(cells), affine_of(np.add(cells, np.array(moves) * 10**power))
    if is_singular(one):
        return
    exact = corner_distance(GRID, one, other) <= tolerance
    assert corners_agree(GRID, one, other, tolerance) == exact
