"""Scans get the distribution of a reference."""

import numpy as np
import pytest

from medinorm.files.nifti import Volume, write_volume
from medinorm.transforms import HistogramMatch
from tests.transforms.cases import AFFINE, TRAINING

POSITIVE = {"foreground": "positive"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "reference.nii.gz"
    write_volume(Volume(TRAINING[1], AFFINE.numpy()), path)
    return path


def test_the_histogram_of_the_reference(scan):
    result = HistogramMatch(TRAINING[1], **POSITIVE)(scan).numpy()
    levels = np.linspace(0.02, 0.98, 30)
    for mapped, image, reference in zip(result, scan, TRAINING[1], strict=True):
        quantiles = np.quantile(mapped[image.numpy() > 0], levels)
        wanted = np.quantile(reference[reference > 0], levels)
        np.testing.assert_allclose(quantiles, wanted, rtol=0.02)
