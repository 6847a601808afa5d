"""Scans get the moments of references, or go a part of the way."""

import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.files.nifti import Volume, write_volume
from medinorm.transforms import AdaptiveInstanceNormalize
from tests.transforms.cases import AFFINE, MOMENTS, TRAINING, make_scan

POSITIVE = {"foreground": "positive"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "reference.nii.gz"
    write_volume(Volume(TRAINING[1], AFFINE.numpy()), path)
    return path


def test_the_scan_gets_the_moments_of_the_reference(scan):
    result = AdaptiveInstanceNormalize(TRAINING[1], **POSITIVE)(scan)
    inside = list(scan.as_tensor() > 0)
    for channel, mask, mean, std in zip(
        result.as_tensor(), inside, MOMENTS[1].mean, MOMENTS[1].std, strict=True
    ):
        assert abs(channel[mask].mean() - mean) < 1e-3 * mean
        assert abs(channel[mask].std() - std) < 1e-3 * std


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_alpha_goes_a_part_of_the_way(alpha, scan):
    result = AdaptiveInstanceNormalize(MOMENTS[1], alpha, **POSITIVE)(scan)
    whole = AdaptiveInstanceNormalize(MOMENTS[1], **POSITIVE)(scan)
    expected = (1 - alpha) * scan + alpha * whole
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-2)


def test_refuses_other_channels_and_impossible_alpha(scan):
    one = AdaptiveInstanceNormalize(make_scan(channels=1), **POSITIVE)
    with pytest.raises(IntensityError, match="the references have 1 channels"):
        one(scan)
    with pytest.raises(ValueError, match="between 0 and 1"):
        AdaptiveInstanceNormalize(TRAINING[0], alpha=1.5)
