import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.files.nifti import Volume
from medinorm.ingest.dicom.regrid import (
    bring_onto,
    interpolate_slices,
    share_covered,
    straighten,
)


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


def world_ramp(grid, affine):
    index = np.stack(np.meshgrid(*map(np.arange, grid), indexing="ij"), axis=-1)
    world = index @ affine[:3, :3].T + affine[:3, 3]
    return Volume((world @ [3.0, -2.0, 1.0])[np.newaxis], affine)


def test_a_channel_keeps_its_place_on_another_grid():
    axial = world_ramp((40, 40, 12), np.diag([1.0, 1.0, 4.0, 1.0]))
    sagittal = np.array(
        [[0, 0, -3.0, 30], [-1.5, 0, 0, 34], [0, 1.5, 0, 8], [0, 0, 0, 1]]
    )
    target = world_ramp((16, 20, 7), sagittal)
    there = bring_onto(axial, target)
    assert there.array.dtype == np.float32
    assert there.same_grid(target)
    np.testing.assert_allclose(there.array, target.array, atol=0.2)


def test_what_lies_outside_gets_the_smallest_value():
    volume = world_ramp((10, 10, 10), np.eye(4))
    moved = np.eye(4)
    moved[0, 3] = 5
    target = Volume(np.zeros((1, 10, 10, 10)), moved)
    there = bring_onto(volume, target).array[0]
    np.testing.assert_allclose(there[:5], volume.array[0, 5:], atol=1e-4)
    assert (there[6:] == volume.array.min()).all()
    assert share_covered(volume, target) == 0.5


def test_fine_noise_is_averaged_on_a_coarser_grid():
    noise = np.random.default_rng(0).normal(size=(1, 60, 60, 60))
    target = Volume(np.zeros((1, 12, 12, 12)), np.diag([5.0, 5, 5, 1]))
    assert bring_onto(Volume(noise, np.eye(4)), target).array.std() < 0.3
