"""Reference scans in every form."""

import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.files.nifti import Volume, write_volume
from medinorm.intensity import measure_foreground, pool_moments
from medinorm.transforms import AdaptiveInstanceNormalize, HistogramMatch
from tests.transforms.cases import AFFINE, MOMENTS, POLICY, TRAINING, as_meta

POSITIVE = {"foreground": "positive"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "reference.nii.gz"
    write_volume(Volume(TRAINING[1], AFFINE.numpy()), path)
    return path


@pytest.mark.parametrize("transform", [AdaptiveInstanceNormalize, HistogramMatch])
def test_arrays_tensors_and_files_agree(transform, file, scan):
    forms = [TRAINING[1], as_meta(TRAINING[1]), [TRAINING[1]], file, str(file)]
    results = [transform(reference, **POSITIVE)(scan) for reference in forms]
    for result in results[1:]:
        assert torch.equal(result, results[0])


def test_takes_moments_and_their_values(scan):
    values = {"mean": list(MOMENTS[1].mean), "std": list(MOMENTS[1].std)}
    results = [
        AdaptiveInstanceNormalize(reference, **POSITIVE)(scan)
        for reference in (TRAINING[1], MOMENTS[1], values)
    ]
    torch.testing.assert_close(results[1], results[0])
    torch.testing.assert_close(results[2], results[0])


def test_several_references_are_pooled():
    transform = AdaptiveInstanceNormalize(TRAINING, **POSITIVE)
    assert transform.target == pool_moments(MOMENTS)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ([], "no reference scan"),
        ({"mean": [1.0]}, "mean and std"),
        (object(), "is no reference here"),
        (["missing.nii.gz"], "does not exist"),
    ],
)
def test_refuses_what_is_no_reference(reference, message):
    with pytest.raises(Exception, match=message):
        AdaptiveInstanceNormalize(reference)


def test_references_are_measured_like_scans():
    inside = AdaptiveInstanceNormalize(TRAINING[0], **POSITIVE).target
    everywhere = AdaptiveInstanceNormalize(TRAINING[0], foreground="image").target
    assert inside.mean == pytest.approx(measure_foreground(TRAINING[0], POLICY).mean)
    assert everywhere.mean < inside.mean
    with pytest.raises(IntensityError, match="needs the masks of the references"):
        AdaptiveInstanceNormalize(TRAINING[0], foreground="file")


@pytest.mark.parametrize("transform", [AdaptiveInstanceNormalize, HistogramMatch])
@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (TRAINING[1][0], "a volume without channels"),
        (TRAINING[1][None], "5 axes, an image has 4 at most"),
        (TRAINING[1] * 1j, "complex numbers"),
        (TRAINING[1][:, :0], "no voxels"),
        ({1, 2}, "set is no reference here"),
    ],
)
def test_what_is_no_reference_is_refused_with_what_to_do(transform, reference, message):
    with pytest.raises(IntensityError, match=message):
        transform(reference, **POSITIVE)


@pytest.mark.parametrize("values", [{"mean": 1, "std": 1}, {"mean": ["a"], "std": [1]}])
def test_statistics_are_lists_of_numbers(values):
    with pytest.raises(IntensityError, match="lists of numbers, one for each channel"):
        AdaptiveInstanceNormalize(values)


def test_images_of_torchio_are_references(scan):
    torchio = pytest.importorskip("torchio", reason="TorchIO is not installed")
    image = torchio.ScalarImage(tensor=torch.from_numpy(TRAINING[1]))
    result = AdaptiveInstanceNormalize(image, **POSITIVE)(scan)
    assert torch.equal(result, AdaptiveInstanceNormalize(TRAINING[1], **POSITIVE)(scan))
