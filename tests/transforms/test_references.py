"""Reference scans in every form."""

import numpy as np
import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.files.nifti import Volume, write_volume
from medinorm.intensity import measure_foreground, pool_moments
from medinorm.transforms import AdaptiveInstanceNormalize, HistogramMatch
from tests.transforms.cases import AFFINE, MOMENTS, POLICY, TRAINING, as_meta, make_scan

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


def test_the_scan_gets_the_moments_of_the_reference(scan):
    result = AdaptiveInstanceNormalize(TRAINING[1], **POSITIVE)(scan)
    inside = list(scan.as_tensor() > 0)
    for channel, mask, mean, std in zip(
        result.as_tensor(), inside, MOMENTS[1].mean, MOMENTS[1].std, strict=True
    ):
        assert abs(channel[mask].mean() - mean) < 1e-3 * mean
        assert abs(channel[mask].std() - std) < 1e-3 * std


def test_several_references_are_pooled():
    transform = AdaptiveInstanceNormalize(TRAINING, **POSITIVE)
    assert transform.target == pool_moments(MOMENTS)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_alpha_goes_a_part_of_the_way(alpha, scan):
    result = AdaptiveInstanceNormalize(MOMENTS[1], alpha, **POSITIVE)(scan)
    whole = AdaptiveInstanceNormalize(MOMENTS[1], **POSITIVE)(scan)
    expected = (1 - alpha) * scan + alpha * whole
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-2)


def test_the_histogram_of_the_reference(scan):
    result = HistogramMatch(TRAINING[1], **POSITIVE)(scan).numpy()
    levels = np.linspace(0.02, 0.98, 30)
    for mapped, image, reference in zip(result, scan, TRAINING[1], strict=True):
        found = np.quantile(mapped[image.numpy() > 0], levels)
        wanted = np.quantile(reference[reference > 0], levels)
        np.testing.assert_allclose(found, wanted, rtol=0.02)


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


def test_refuses_other_channels_and_impossible_alpha(scan):
    one = AdaptiveInstanceNormalize(make_scan(channels=1), **POSITIVE)
    with pytest.raises(IntensityError, match="the references have 1 channels"):
        one(scan)
    with pytest.raises(ValueError, match="between 0 and 1"):
        AdaptiveInstanceNormalize(TRAINING[0], alpha=1.5)


def test_references_are_measured_like_scans():
    inside = AdaptiveInstanceNormalize(TRAINING[0], **POSITIVE).target
    everywhere = AdaptiveInstanceNormalize(TRAINING[0], foreground="image").target
    assert inside.mean == pytest.approx(measure_foreground(TRAINING[0], POLICY).mean)
    assert everywhere.mean < inside.mean
    with pytest.raises(IntensityError, match="needs the masks of the references"):
        AdaptiveInstanceNormalize(TRAINING[0], foreground="file")
