"""What conditional norms need comes from images, never from labels."""

import numpy as np
import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.train.conditions import (
    central_patch,
    condition_maps,
    conditions_of,
    scan_conditions,
)

IMAGE = np.stack([np.indices((6, 6, 6)).sum(axis=0), np.zeros((6, 6, 6))]) * 1.0


def test_only_maps_that_are_needed_are_made_from_the_first_channel():
    assert condition_maps(IMAGE, ()) == {}
    maps = condition_maps(IMAGE, ("mask", "regions"), 3)
    assert set(np.unique(maps["regions"])) == {0, 1, 2}
    assert set(np.unique(maps["mask"])) == {0, 1}
    bright = IMAGE[0][maps["mask"] == 1].min()
    assert bright > IMAGE[0][maps["mask"] == 0].max()


def test_a_constant_image_has_no_mask():
    with pytest.raises(IntensityError, match="no voxel"):
        condition_maps(IMAGE[1:], ("mask",))


def test_conditions_of_a_scan_are_a_batch_of_one():
    references = np.ones((2, 2, 4, 4, 4), dtype=np.float32)
    needs = ("mask", "domain", "style")
    by_keyword = scan_conditions(IMAGE, needs, domain=-1, references=references)
    assert {word: tuple(value.shape) for word, value in by_keyword.items()} == {
        "mask": (1, 1, 6, 6, 6),
        "domain": (1,),
        "style": (1, 2, 2, 4, 4, 4),
    }
    assert by_keyword["domain"].tolist() == [-1]
    assert not scan_conditions(IMAGE, (), domain=0, references=references)


def test_conditions_of_a_batch_leave_image_and_label_out():
    batch = {word: torch.zeros(1) for word in ("image", "label", "domain", "mask")}
    assert set(conditions_of(batch)) == {"domain", "mask"}


def test_the_central_patch_is_in_the_middle():
    patch = central_patch(IMAGE, (2, 4, 6))
    np.testing.assert_array_equal(patch, IMAGE[:, 2:4, 1:5, :])
    patch[:] = 9  # a copy: the scan lies on disk
    assert IMAGE.max() == 15
