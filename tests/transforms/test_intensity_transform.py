"""Inverses: what cannot come back is refused."""

import pytest
import torch

from medinorm.errors import IntensityError
from tests.transforms.cases import (
    make,
    make_d,
)

# One of MONAI's readers for DICOM misses a decoder that nothing here needs.
pytestmark = pytest.mark.filterwarnings("ignore:NvImgCodecPydicomReader")


def test_what_was_clipped_is_not_restored(scan):
    transform = make_d("ClipIntensity")
    with pytest.raises(IntensityError, match="no inverse; with restore=False"):
        transform.inverse(transform({"image": scan}))
    for name in ("PercentileScale", "WindowIntensity"):
        transform = make(name)
        with pytest.raises(IntensityError, match="no inverse; with restore=False"):
            transform.inverse(transform(scan))
        transform = make(name, restore=False)
        scaled = transform(scan)
        assert torch.equal(transform.inverse(transform(scan)), scaled)


def test_settings_that_replace_voxels_have_no_inverse(scan):
    ignoring = {"nonfinite": "ignore", "nonfinite_value": 0.0}
    for settings in ({"background": 0.0}, ignoring):
        transform = make("InstanceNormalize", **settings)
        with pytest.raises(IntensityError, match="restore=False"):
            transform.inverse(transform(scan))
