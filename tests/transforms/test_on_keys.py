"""Dictionaries: which images are restored."""

import pytest
import torch
from monai.data import (
    MetaTensor,
)
from monai.transforms import (
    Compose,
    Invertd,
    SpatialCropd,
)

from tests.transforms.cases import (
    make_d,
    spatial,
)

# One of MONAI's readers for DICOM misses a decoder that nothing here needs.
pytestmark = pytest.mark.filterwarnings("ignore:NvImgCodecPydicomReader")


def test_a_word_restores_what_invertd_hands_over(scan):
    pipeline = Compose([make_d("InstanceNormalize", restore=True), *spatial()])
    done = pipeline({"image": scan})
    back = Invertd("image", pipeline, nearest_interp=False)(done)["image"]
    torch.testing.assert_close(back.as_tensor(), scan.as_tensor(), rtol=0, atol=1e-2)
    wrong = {**done, "pred": MetaTensor(torch.randn(3, 32, 32, 32))}
    with pytest.raises(RuntimeError) as caught:
        Invertd("pred", pipeline, "image")(wrong)
    assert "the image has 3 channels, the map 2" in str(caught.value.__cause__)


def test_images_are_restored_whatever_their_values(scan):
    """A crop between 0 and 1, NaN, and a constant channel."""
    scan[0, 0, 0, 0] = torch.nan
    scan[1] = 7.0
    settings = {"foreground": "image", "nonfinite": "ignore", "constant": "zeros"}
    pipeline = Compose([make_d("InstanceNormalize", **settings)])
    back = pipeline.inverse(pipeline({"image": scan}))["image"]
    torch.testing.assert_close(
        back.as_tensor(), scan.as_tensor(), rtol=0, atol=1e-2, equal_nan=True
    )
    half = MetaTensor(torch.linspace(0, 1000, 24).expand(1, 24, 24, 24).clone())
    crop = SpatialCropd("image", roi_start=(0, 0, 13), roi_end=(24, 24, 18))
    pipeline = Compose([make_d("InstanceNormalize", foreground="image"), crop])
    back = pipeline.inverse(pipeline({"image": half}))["image"]
    torch.testing.assert_close(back[..., 13:18], half[..., 13:18], rtol=0, atol=1e-2)


def test_an_image_is_no_dictionary(scan):
    with pytest.raises(TypeError, match="give an image to InstanceNormalize"):
        make_d("InstanceNormalize")(scan)
