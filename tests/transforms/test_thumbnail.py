"""A part is measured for the whole volume."""

import numpy as np
import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.transforms import (
    ThumbnailNormalize,
)
from tests.transforms.cases import make, make_scan

POSITIVE = {"foreground": "positive"}


def test_a_thumbnail_of_a_file_on_disk(tmp_path):
    path = tmp_path / "volume.npy"
    np.save(path, make_scan().round().astype(np.int16))
    volume = np.load(path, mmap_mode="r")
    exact = make("InstanceNormalize")(volume)
    assert torch.equal(make("ThumbnailNormalize", source="exact")(volume), exact)
    sizes = [
        float((make("ThumbnailNormalize", size=size)(volume) - exact).abs().max())
        for size in (24, 12)
    ]
    assert sizes[0] < 1e-5 < sizes[1] < 0.3
    tiles = ThumbnailNormalize("tiles", size=12, tiles=4, seed=1, **POSITIVE)
    assert torch.equal(tiles(volume), tiles(volume))
    assert not torch.equal(tiles(volume), exact)


def test_nan_is_seen_wherever_it_is(scan):
    scan[1, 0, 0, 1] = torch.inf
    with pytest.raises(IntensityError, match="1 infinite"):
        ThumbnailNormalize(size=4, foreground="image")(scan)


def test_an_unknown_source_is_refused():
    with pytest.raises(ValueError, match="source 'mean' is unknown; known: thumb"):
        ThumbnailNormalize("mean")
