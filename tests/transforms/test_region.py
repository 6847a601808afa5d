"""Regions are given or found, and come back on their own grid."""

import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.transforms import (
    RegionNormalize,
    RegionNormalized,
)

POSITIVE = {"foreground": "positive"}


def test_regions_are_given_or_found(scan):
    halves = torch.zeros(scan.shape[1:], dtype=torch.uint8)
    halves[:, :, 8:] = 1
    transform = RegionNormalize(foreground="image")
    by_array = transform(scan, regions=halves)
    for half in (by_array[:, :, :, :8], by_array[:, :, :, 8:]):
        assert half.as_tensor().mean((1, 2, 3)).abs().max() < 1e-5
    by_key = RegionNormalized("image", region_key="atlas", foreground="image")
    data = by_key({"image": scan, "atlas": halves[None]})
    assert torch.equal(data["image"], by_array)
    back = by_key.inverse(data)["image"]
    torch.testing.assert_close(back.as_tensor(), scan.as_tensor(), rtol=0, atol=1e-3)
    normalized = RegionNormalize(2, foreground="image")(scan)
    assert not torch.equal(normalized, by_array)
    with pytest.raises(KeyError, match="atlas"):
        by_key({"image": scan})
    with pytest.raises(IntensityError, match="resample"):
        transform(scan, regions=halves[:-1])


def test_regions_cannot_be_restored_on_another_grid(scan):
    transform = RegionNormalize(**POSITIVE)
    with pytest.raises(IntensityError, match="voxels"):
        transform.inverse(transform(scan)[:, 1:])
