"""Voxels of what MONAI hands over, and back with the image's metadata."""

import nibabel
import numpy as np
import pytest
import SimpleITK
import torch
from monai.data import MetaTensor

from medinorm.errors import IntensityError
from medinorm.transforms import InstanceNormalize, KdeNormalize, PercentileScale
from medinorm.transforms.voxels import (
    image_of,
    mask_for,
    require_all_finite,
    voxels_of,
)
from tests.transforms.cases import AFFINE, as_meta, make_scan


def test_voxels_share_the_memory_of_the_image_without_its_metadata(scan):
    voxels = voxels_of(scan)
    assert type(voxels) is torch.Tensor
    assert voxels.data_ptr() == scan.data_ptr()
    array = make_scan()
    assert voxels_of(array) is array


def test_a_mask_becomes_the_kind_of_the_voxels():
    array = make_scan()
    reversed_mask = (array > 0)[:, ::-1]
    as_tensor = mask_for(torch.from_numpy(array), reversed_mask)
    assert torch.equal(as_tensor, torch.from_numpy(reversed_mask.copy()))
    as_array = mask_for(array, torch.from_numpy(array > 0))
    assert isinstance(as_array, np.ndarray)
    assert mask_for(array, None) is None


def test_the_result_has_the_metadata_of_its_image_and_none_of_an_array():
    image = as_meta(make_scan())
    result = image_of(image.as_tensor() + 1, image)
    assert isinstance(result, MetaTensor)
    torch.testing.assert_close(result.affine, AFFINE)
    untracked = image_of(make_scan(), make_scan())
    torch.testing.assert_close(untracked.affine, torch.eye(4, dtype=torch.float64))


def test_nan_in_any_channel_is_refused():
    scan = make_scan()
    require_all_finite(scan)
    scan[1, 0, 0, 0] = np.nan
    with pytest.raises(IntensityError, match="1 voxels are NaN and 0 infinite"):
        require_all_finite(scan)


VOLUME = np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)
NO_IMAGES = {
    "read the file first": "scan.nii.gz",
    r"image\.get_fdata\(\)\[None\]": nibabel.Nifti1Image(VOLUME, np.eye(4)),
    r"GetArrayFromImage\(image\)\[None\]": SimpleITK.GetImageFromArray(VOLUME),
    "got a NoneType": None,
    r"a volume without channels\? Give image\[None\]": VOLUME,
    "got 1 axes": VOLUME[0, 0],
    "5 axes, an image has 4 at most: a batch": VOLUME[None, None],
    "the image has no voxels": VOLUME[None, :0],
    r"mask=~numpy\.ma\.getmaskarray\(image\)": np.ma.masked_equal(VOLUME, 0)[None],
    r"give their magnitude, abs\(image\)": VOLUME[None] * 1j,
    r"complex numbers; give their magnitude": torch.from_numpy(VOLUME[None] * 1j),
    "the voxels are no numbers": VOLUME[None].astype(object),
    "no numbers; give an array of integers": VOLUME[None].astype(str),
    r"give image\.to_dense": torch.from_numpy(VOLUME[None]).to_sparse(),
    "give its images one by one": torch.nested.as_nested_tensor(
        [torch.zeros(5, 6, 7), torch.zeros(5, 6, 7)], layout=torch.jagged
    ),
    "the device meta": torch.empty(1, 5, 6, 7, device="meta"),
}


@pytest.mark.parametrize("message", NO_IMAGES)
def test_what_is_no_image_with_channels_is_refused_with_what_to_do(message):
    normalize = InstanceNormalize(foreground="image")
    with pytest.raises(IntensityError, match=message):
        normalize(NO_IMAGES[message])


@pytest.mark.parametrize("make", [torch.as_tensor, np.asarray])
def test_masks_are_refused_with_what_to_do(make):
    normalize = InstanceNormalize(foreground="file")
    for message, mask in {
        "the mask: expected an image, got a path": "brain.nii.gz",
        "the mask: a nibabel image": nibabel.Nifti1Image(VOLUME, np.eye(4)),
        "the mask: .* got a list": [1, 0],
        "complex numbers": VOLUME * 1j,
        "no numbers": VOLUME.astype(str),
    }.items():
        with pytest.raises(IntensityError, match=message):
            normalize(make(VOLUME[None]), mask)


def test_a_read_only_mask_is_taken_without_a_warning():
    mask = VOLUME > 90
    mask.flags.writeable = False
    assert torch.equal(mask_for(torch.zeros(1), mask), torch.from_numpy(VOLUME > 90))


@pytest.mark.parametrize("make", [torch.as_tensor, np.asarray])
@pytest.mark.parametrize("kind", [InstanceNormalize, PercentileScale, KdeNormalize])
def test_a_boolean_image_is_one_of_0_and_1(make, kind):
    drawn = np.random.default_rng(0).random((1, 6, 7, 8)) > 0.4
    normalize = kind(foreground="image")
    expected = normalize(make(drawn.astype(np.uint8)))
    torch.testing.assert_close(normalize(make(drawn)), expected)
