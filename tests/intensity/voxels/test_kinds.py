"""Arrays and tensors are told apart, and one becomes the other."""

import numpy as np
import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.intensity.voxels.kinds import (
    as_mask,
    find_finite,
    is_accelerated,
    is_tensor,
    match_kind,
    require_grid,
    require_numbers,
    to_host,
)

ARRAY = np.array([[1.0, np.nan, 0.0, np.inf]], dtype=np.float32)
TENSOR = torch.from_numpy(ARRAY)


def test_tensors_are_told_from_arrays():
    assert is_tensor(TENSOR)
    assert not is_tensor(ARRAY)
    assert not is_accelerated(TENSOR)
    assert is_accelerated(torch.empty(1, device="meta"))


def test_a_tensor_shares_its_memory_with_numpy():
    assert np.shares_memory(to_host(TENSOR), ARRAY)
    assert to_host(ARRAY) is ARRAY
    half = torch.tensor([1.5], dtype=torch.bfloat16)
    assert to_host(half).tolist() == [1.5]


def test_small_floats_of_torch_become_those_of_numpy():
    eight = torch.tensor([1.5]).to(torch.float8_e4m3fn)
    assert to_host(eight).tolist() == [1.5]


@pytest.mark.parametrize("voxels", [np.ones(3), torch.ones(3)], ids=["array", "tensor"])
def test_complex_voxels_are_refused(voxels):
    require_numbers(voxels)
    for refuse in (require_numbers, to_host):
        with pytest.raises(IntensityError, match=r"give their magnitude, abs\(image\)"):
            refuse(voxels * 1j)


def test_values_become_the_kind_of_another():
    assert torch.equal(match_kind(np.ones(2), TENSOR), torch.ones(2).double())
    values = np.ones(2)
    assert match_kind(values, ARRAY) is values


@pytest.mark.parametrize("voxels", [ARRAY, TENSOR], ids=["array", "tensor"])
def test_a_mask_is_what_is_a_number_other_than_0(voxels):
    assert as_mask(voxels).tolist() == [[True, False, False, False]]
    assert find_finite(voxels).tolist() == [[True, False, True, False]]
    assert type(as_mask(voxels)) is type(voxels)
    mask = as_mask(voxels)
    assert as_mask(mask) is mask


def test_another_grid_is_refused_with_both():
    require_grid(ARRAY, TENSOR)
    with pytest.raises(IntensityError, match="the mask has 4 voxels, the image 1x4"):
        require_grid(ARRAY[0], TENSOR)
