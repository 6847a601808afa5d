import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.files.nifti import Volume
from medinorm.ingest.dicom.regrid import interpolate_slices, straighten


@given(
    parts=st.lists(st.integers(1, 4), min_size=1, max_size=8),
    slope=st.floats(-50, 50),
    offset=st.floats(-1000, 1000),
)
def test_a_ramp_stays_a_ramp_and_own_slices_stay(parts, slope, offset):
    index = np.concatenate([[0.0], np.cumsum(parts)])
    array = np.full((2, 3, len(index)), offset) + slope * index
    even = interpolate_slices(array, index)
    expected = offset + slope * np.arange(index[-1] + 1)
    np.testing.assert_allclose(even[1, 2], expected, rtol=1e-5, atol=1e-3)
    np.testing.assert_array_equal(even[..., index.astype(int)], array.astype("f4"))


def leaning(shift):
    """A volume whose slices are shifted along the first axis, in mm a slice."""
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    affine[0, 2] = shift
    array = np.random.default_rng(0).normal(size=(1, 9, 7, 5)).astype(np.float32)
    return Volume(array, affine)


@pytest.mark.parametrize("shift", [2, -1])
def test_whole_voxels_are_moved_and_not_changed(shift):
    volume = leaning(shift)
    straight = straighten(volume)
    start = min(0, 4 * shift)
    assert straight.grid == (9 + 4 * abs(shift), 7, 5)
    np.testing.assert_allclose(straight.affine[:3, 3], [start, 0, 0])
    np.testing.assert_allclose(straight.affine[:3, :3], np.diag([1.0, 2, 3]))
    for z in range(5):
        moved = straight.array[0, z * shift - start :, :, z][:9]
        np.testing.assert_allclose(moved, volume.array[0, :, :, z], atol=1e-5)
    assert straight.array.min() == volume.array.min()


def test_a_third_axis_against_the_normal():
    volume = leaning(2)
    turned = Volume(
        volume.array[..., ::-1].copy(), volume.affine @ np.diag([1.0, 1, -1, 1])
    )
    turned.affine[:3, 3] = (volume.affine @ [0, 0, 4, 1])[:3]
    one, other = straighten(volume), straighten(turned)
    np.testing.assert_allclose(other.array[0, ..., ::-1], one.array[0], atol=1e-5)
    ends = one.affine @ [0, 0, 4, 1], other.affine @ [0, 0, 0, 1]
    np.testing.assert_allclose(*ends)
