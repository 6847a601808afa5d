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


@pytest.mark.parametrize("name", ["InstanceNormalize", "ClipIntensity"])
def test_inverting_leaves_the_record_of_its_input(name, scan):
    transform = make(name, restore=False if name == "ClipIntensity" else None)
    done = transform(scan)
    first, second = transform.inverse(done), transform.inverse(done)
    assert len(done.applied_operations) == 1
    assert first.applied_operations == second.applied_operations == []
    assert torch.equal(first, second)


def test_what_is_refused_keeps_its_record(scan):
    transform = make("ClipIntensity")
    done = transform(scan)
    for _ in range(2):
        with pytest.raises(IntensityError, match="no inverse"):
            transform.inverse(done)


def test_only_what_has_a_record_is_inverted(scan):
    transform = make("InstanceNormalize")
    for image in (scan.as_tensor(), scan.numpy()):
        with pytest.raises(IntensityError, match="has no record of what was done"):
            transform.inverse(image)
