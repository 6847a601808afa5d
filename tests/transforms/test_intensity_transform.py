"""Inverses: what cannot come back is refused."""

import pytest
import torch
from monai.transforms import (
    EnsureChannelFirstd,
    Flipd,
    LoadImaged,
    Orientationd,
    SpatialPadd,
)

from medinorm.errors import IntensityError
from medinorm.files.nifti import Volume, write_volume
from tests.transforms.cases import (
    AFFINE,
    make,
    make_d,
    make_scan,
)

# One of MONAI's readers for DICOM misses a decoder that nothing here needs.
pytestmark = pytest.mark.filterwarnings("ignore:NvImgCodecPydicomReader")


def read():
    return [LoadImaged("image"), EnsureChannelFirstd("image")]


@pytest.fixture
def file(tmp_path):
    """A scan of two channels on disk."""
    path = tmp_path / "scan.nii.gz"
    write_volume(Volume(make_scan(), AFFINE.numpy()), path)
    return path


def spatial():
    """Steps that move voxels and keep them all."""
    return [
        Orientationd("image", "RAS", labels=None),
        Flipd("image", 1),
        SpatialPadd("image", (32, 32, 32)),
    ]


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
