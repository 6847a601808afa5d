"""TorchIO's images and subjects keep their space."""

import numpy as np
import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.transforms import (
    FcmNormalize,
    InstanceNormalize,
    InstanceNormalized,
    KdeNormalize,
    RandScannerContrast,
    RegionNormalize,
    RegionNormalized,
)

torchio = pytest.importorskip("torchio", reason="TorchIO is not installed")
AFFINE = np.diag([1.0, 2.0, 3.0, 1.0])
EVERYWHERE = {"foreground": "image"}


def make_subject():
    voxels = 100 * torch.rand(1, 6, 7, 8, generator=torch.Generator().manual_seed(0))
    return torchio.Subject(
        t1=torchio.ScalarImage(tensor=voxels, affine=AFFINE),
        t2=torchio.ScalarImage(tensor=voxels + 7, affine=AFFINE),
        brain=torchio.LabelMap(tensor=(voxels > 50).int(), affine=AFFINE),
    )


def test_an_image_comes_back_as_an_image_in_its_space():
    image = make_subject().t1
    before = image.data.clone()
    result = InstanceNormalize(**EVERYWHERE)(image)
    assert type(result) is torchio.ScalarImage
    np.testing.assert_array_equal(result.affine, AFFINE)
    torch.testing.assert_close(
        result.data, InstanceNormalize(**EVERYWHERE)(before).as_tensor()
    )
    assert torch.equal(image.data, before)


@pytest.mark.parametrize("kind", [InstanceNormalize, FcmNormalize, KdeNormalize])
def test_compose_of_torchio_takes_our_transforms(kind):
    subject = make_subject()
    pipeline = torchio.Compose([kind(**EVERYWHERE), torchio.Flip(axes=(0,))])
    result = pipeline(subject)
    assert isinstance(result, torchio.Subject)
    for name in ("t1", "t2"):
        wanted = kind(**EVERYWHERE)(subject[name].data).as_tensor()
        torch.testing.assert_close(result[name].data, wanted.flip(1))
        assert result.t1.data is result["t1"].data
    assert torch.equal(result.brain.data, subject.brain.data.flip(1))


def test_an_image_that_was_not_read_yet_keeps_its_space(tmp_path):
    make_subject().t1.save(tmp_path / "t1.nii.gz")
    result = InstanceNormalize(**EVERYWHERE)(
        torchio.ScalarImage(tmp_path / "t1.nii.gz")
    )
    np.testing.assert_allclose(result.affine, AFFINE)
    assert result.data.double().mean().abs() < 1e-5


def test_label_maps_are_masks_and_regions():
    subject = make_subject()
    t1, brain = subject.t1, subject.brain
    masked = InstanceNormalize(foreground="file")(t1, brain).data
    assert masked[brain.data > 0].double().mean().abs() < 1e-5
    regions = RegionNormalize(**EVERYWHERE)(t1, regions=brain)
    assert type(regions) is torchio.ScalarImage
    by_key = RegionNormalized("t1", region_key="brain", **EVERYWHERE)(subject)
    for data in (regions.data, by_key.t1.data):
        for inside in (brain.data > 0, brain.data == 0):
            assert data[inside].double().mean().abs() < 1e-5


def test_inverting_needs_the_record_that_metatensors_have():
    normalize = InstanceNormalize(**EVERYWHERE)
    with pytest.raises(IntensityError, match="ScalarImage has no record"):
        normalize.inverse(normalize(make_subject().t1))


def test_keys_of_a_subject_can_be_chosen_with_a_mask():
    subject = make_subject()
    normalize = InstanceNormalized("t1", foreground="file", mask_key="brain")
    result = torchio.Compose([normalize])(subject)
    assert isinstance(result, torchio.Subject)
    inside = subject.brain.data > 0
    assert result.t1.data[inside].mean().abs() < 1e-5
    assert torch.equal(result.t2.data, subject.t2.data)
    assert subject.t1.data.mean() > 10


def test_a_random_change_is_one_for_all_images():
    subject = make_subject()
    change = RandScannerContrast(prob=1.0).set_random_state(0)
    result = change(subject)
    again = RandScannerContrast(prob=1.0).set_random_state(0)(subject.t1.data)
    torch.testing.assert_close(result.t1.data, again.as_tensor())


def test_labels_are_no_intensities():
    with pytest.raises(IntensityError, match="a label map has no intensities"):
        InstanceNormalize(**EVERYWHERE)(make_subject().brain)
    with pytest.raises(IntensityError, match="no image of intensities"):
        InstanceNormalize(**EVERYWHERE)(torchio.Subject(brain=make_subject().brain))
