"""Resampling keeps the world where it is."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medinorm.files.nifti import Volume
from medinorm.files.resampling import resample, smooth, to_itk
from medinorm.harmonize import spatial
from medinorm.harmonize.spatial import (
    orient_to_ras,
    resample_image,
    resample_labels,
    resample_onto,
    respaced,
)

LINEAR = np.array([1.0, -2.0, 0.5])  # intensity per mm along R, A, S


def ramp(affine, grid=(20, 24, 22)):
    """A volume whose intensity is a linear function of world position."""
    index = np.stack(np.meshgrid(*map(np.arange, grid), indexing="ij"), axis=-1)
    world = index @ affine[:3, :3].T + affine[:3, 3]
    return Volume((world @ LINEAR)[np.newaxis], affine)


def oblique(angles, spacing, flips=(1, 1, 1)):
    turn = nib.eulerangles.euler2mat(*angles)
    matrix = turn @ np.diag(np.multiply(spacing, flips))
    return nib.affines.from_matvec(matrix, [10.0, -20.0, 5.0])


angles = st.tuples(*[st.floats(-0.3, 0.3)] * 3)
spacings = st.tuples(*[st.floats(0.8, 4.0)] * 3)
flips = st.tuples(*[st.sampled_from([-1, 1])] * 3)


@settings(deadline=None, max_examples=25)
@given(angles=angles, spacing=spacings, flips=flips, target=spacings)
@example((0.0, 3e-300, 0.0), (2.375, 1.0, 1.0), (-1, -1, -1), (1.0, 1.0, 1.0))
def test_a_ramp_stays_a_ramp(angles, spacing, flips, target):
    volume = orient_to_ras(ramp(oblique(angles, spacing, flips)))
    there = resample_image(volume, target)
    np.testing.assert_allclose(there.spacing, target, rtol=1e-6)
    expected = ramp(there.affine, there.grid).array
    middle = (slice(None), *(slice(n // 3, -(n // 3) or None) for n in there.grid))
    difference = np.abs(there.array[middle] - expected[middle])
    assert difference.max() < 0.05 * np.abs(LINEAR).max() * max(*spacing, *target)


@given(angles=angles, flips=flips)
def test_orientation_changes_no_voxel(angles, flips):
    volume = ramp(oblique(angles, (1, 2, 3), flips))
    turned = orient_to_ras(volume)
    assert sorted(turned.array.ravel()) == sorted(volume.array.ravel())
    assert np.all(np.diag(turned.affine)[:3] > 0)
    np.testing.assert_allclose(
        turned.array, ramp(turned.affine, turned.grid).array, atol=1e-6
    )


@given(spacing=spacings, target=spacings)
def test_the_field_of_view_stays_where_it_is(spacing, target):
    volume = ramp(oblique((0.1, 0.2, 0.0), spacing))
    there = respaced(volume, target)
    centres = [
        v.affine[:3, :3] @ ((np.array(v.grid) - 1) / 2) + v.affine[:3, 3]
        for v in (volume, there)
    ]
    np.testing.assert_allclose(*centres, atol=1e-9)
    extent = np.multiply(volume.grid, spacing) - np.multiply(there.grid, target)
    assert np.all(np.abs(extent) <= np.array(target) / 2 + 1e-9)


def test_the_same_spacing_changes_nothing():
    volume = orient_to_ras(ramp(oblique((0.1, 0, 0), (1.5, 1.5, 1.5))))
    there = resample_image(volume, (1.5, 1.5, 1.5))
    np.testing.assert_array_equal(there.array, volume.array.astype(np.float32))


def test_labels_keep_their_values_and_their_volume():
    label = np.zeros((1, 30, 30, 30), dtype=np.uint8)
    label[0, 8:22, 8:22, 8:22] = 2
    label[0, 12:18, 12:18, 12:18] = 5
    volume = Volume(label, np.diag([1.0, 1.0, 1.0, 1.0]))
    there = resample_labels(volume, (1.7, 1.3, 2.1))
    assert set(np.unique(there.array)) == {0, 2, 5}
    voxel = 1.7 * 1.3 * 2.1
    for value in (2, 5):
        before, after = (label == value).sum(), (there.array == value).sum() * voxel
        assert after == pytest.approx(before, rel=0.15)


def test_there_and_back():
    volume = orient_to_ras(ramp(oblique((0.1, 0.2, -0.1), (1.0, 1.2, 3.0))))
    there = resample_image(volume, (1.0, 1.0, 1.0))
    back = resample_onto(there, volume)
    assert back.same_grid(volume)
    inner = (slice(None), *[slice(4, -4)] * 3)
    np.testing.assert_allclose(back.array[inner], volume.array[inner], atol=0.05)


def test_noise_does_not_fold_back_where_voxels_become_coarser():
    rng = np.random.default_rng(0)
    noise = Volume(rng.normal(size=(1, 60, 60, 60)), np.eye(4))
    coarse = resample_image(noise, (3.0, 3.0, 3.0)).array
    assert coarse.std() < 0.35  # 1 if voxels were merely picked


@pytest.mark.parametrize("slices", [1, 2, 3, 4])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_thin_slabs_become_coarser_as_if_their_edges_went_on(slices, axis):
    rng = np.random.default_rng(0)
    grid = np.array([20, 20, 20])
    grid[axis] = slices
    thin = Volume(rng.normal(500, 100, (1, *grid)), np.eye(4))
    width = [(0, 0), *[(0, 0)] * 3]
    width[1 + axis] = (30, 30)
    thick = thin.with_array(np.pad(thin.array, width, mode="edge"))
    spacing = [1.0, 1.0, 1.0]
    spacing[axis] = 60.0 + slices  # one voxel, in the middle
    there, expected = (resample_image(one, tuple(spacing)) for one in (thin, thick))
    assert there.grid == expected.grid
    np.testing.assert_allclose(there.array, expected.array, rtol=1e-5)


@pytest.mark.parametrize("spacing", [(1.0, 1.5, 0.4), (2.0, 0.9, 1.3)])
def test_slabs_are_resampled_as_the_whole(spacing, monkeypatch):
    rng = np.random.default_rng(0)
    rows = [[0, 1.2, 0, 5], [1.1, 0, 0, -9], [0, 0, 0.8, 30], [0, 0, 0, 1.0]]
    affine = np.array(rows)
    volume = Volume(rng.integers(0, 999, (2, 9, 8, 41)).astype(np.int16), affine)
    monkeypatch.setattr(spatial, "_SLAB", 10_000)
    whole = resample_image(volume, spacing)
    monkeypatch.setattr(spatial, "_SLAB", 3)
    slabs = resample_image(volume, spacing)
    assert slabs.array.dtype == np.float32
    np.testing.assert_allclose(slabs.array, whole.array, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 3.0), (2.0, 3.0, 1.5), (0.7, 1.0, 2.0)])
def test_slabs_are_smoothed_as_the_whole_is(spacing, monkeypatch):
    monkeypatch.setattr(spatial, "_SMALL", 0)
    array = np.random.default_rng(0).integers(0, 999, (1, 5, 40, 70), np.int16)
    volume = Volume(array, np.diag([1.0, 1.1, 1.2, 1.0]))
    widths = zip(spacing, volume.spacing, strict=True)
    blur = [
        np.sqrt(max(new**2 - old**2, 0)) / 2.3548200450309493 for new, old in widths
    ]
    (whole,) = to_itk(volume.with_array(array.astype(np.float32)))
    target = resample_image(volume, spacing)
    expected = resample(smooth(whole, blur), target, sitk.sitkLinear)
    np.testing.assert_allclose(target.array[0], expected, rtol=1e-5)
