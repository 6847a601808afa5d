import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from medinorm.files.nifti import Volume
from medinorm.files.resampling import blur_between, resample, smooth, to_itk

FWHM = 2 * np.sqrt(2 * np.log(2))


def empty(spacing, turn=None):
    affine = np.diag([*spacing, 1.0])
    if turn is not None:
        affine[:3, :3] = turn @ affine[:3, :3]
    return Volume(np.zeros((1, 6, 6, 6), np.float32), affine)


@pytest.mark.parametrize(
    ("source", "target", "wide"),
    [
        ((1, 1, 1), (1, 1, 5), (0, 0, 24)),
        ((1, 1, 5), (1, 1, 1), (0, 0, 0)),
        ((1, 1, 1), (1, 1, 1), (0, 0, 0)),
        ((2, 1, 3), (2.0001, 4, 1), (0, 15, 0)),
    ],
)
def test_only_what_becomes_coarser_is_blurred(source, target, wide):
    blur = blur_between(empty(source), empty(target))
    np.testing.assert_allclose(blur, np.sqrt(wide) / FWHM)


def test_the_target_may_have_its_axes_in_another_order():
    sagittal = np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0]])
    blur = blur_between(empty((1, 1, 1)), empty((1, 1, 5), sagittal))
    np.testing.assert_allclose(blur, np.array([np.sqrt(24), 0, 0]) / FWHM)


def test_equal_voxels_that_are_turned_need_no_blur():
    turn = nib.eulerangles.euler2mat(0.3, -0.2, 0.1)
    assert blur_between(empty((2, 2, 2)), empty((2, 2, 2), turn)) == [0, 0, 0]


def test_beyond_the_edge():
    volume = empty((1, 1, 1))
    volume.array[:] = 7
    (image,) = to_itk(volume)
    wide = Volume(np.empty((0, 10, 6, 6), np.float32), np.eye(4))
    assert (resample(image, wide, sitk.sitkLinear) == 7).all()
    voxels = resample(image, wide, sitk.sitkLinear, outside=-3)
    assert (voxels[:6] == 7).all()
    assert (voxels[7:] == -3).all()


def test_smoothing_keeps_the_sum_and_the_size_of_short_axes():
    volume = Volume(np.zeros((1, 21, 1, 2), np.float32), np.eye(4))
    volume.array[0, 10] = 1
    (image,) = to_itk(volume)
    smoothed = sitk.GetArrayFromImage(smooth(image, [1.5, 1.5, 0]))
    assert smoothed.shape == (2, 1, 21)
    np.testing.assert_allclose(smoothed.sum(axis=2), 1, rtol=1e-3)
    assert smoothed.max() < 0.3
