"""Statistics of a whole volume from its tiles, and the network run tile by tile."""

import pytest
import torch
from torch import nn

from medinorm.layers import ThumbnailInstanceNorm3d
from medinorm.layers.norms.thumbnail_instance import frozen_statistics
from medinorm.layers.tiled_inference.tiles import cut_tiles
from medinorm.layers.tiled_inference.whole_volume import (
    freeze_from_strided,
    freeze_from_tiles,
    pad_to,
    pad_to_stride,
    predict_tiles,
)

SHAPE = (8, 6, 4)
TILES = cut_tiles(SHAPE, (4, 3, 4), (0, 0, 0))  # without surroundings: 1x1x1 networks


@pytest.fixture
def volume():
    """Brighter towards one end, so that no tile is like the whole."""
    return torch.randn(1, 2, *SHAPE) + torch.arange(8.0).view(-1, 1, 1)


@pytest.fixture
def network():
    """Two norms: the second sees what the first one gives."""
    return nn.Sequential(
        ThumbnailInstanceNorm3d(2),
        nn.ReLU(),
        nn.Conv3d(2, 3, 1),
        ThumbnailInstanceNorm3d(3),
    ).eval()


@pytest.mark.parametrize("at_once", [1, 3, len(TILES)])
def test_tiles_that_make_up_a_volume_have_its_statistics(volume, network, at_once):
    expected = network(volume)
    batches = [TILES[n : n + at_once] for n in range(0, len(TILES), at_once)]
    with frozen_statistics(network):
        freeze_from_tiles(network, network, volume, batches)
        assert network[0].is_frozen
        assert network[3].is_frozen
        y = predict_tiles(network, volume, TILES, torch.device("cpu"))
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    each_alone = predict_tiles(network, volume, TILES, torch.device("cpu"))
    assert (each_alone - expected).abs().max() > 0.1


def test_an_output_on_another_grid_is_refused(volume):
    pooling = nn.AvgPool3d(2)
    with pytest.raises(ValueError, match="set surroundings=False"):
        predict_tiles(pooling, volume, TILES, torch.device("cpu"))


def test_a_strided_thumbnail_has_every_second_voxel(volume):
    network = nn.Sequential(ThumbnailInstanceNorm3d(2)).eval()
    with frozen_statistics(network):
        freeze_from_strided(network, network, volume, (4, 3, 2))
        taken = volume[..., ::2, ::2, ::2]
        wanted = taken.double().mean((0, 2, 3, 4))
        torch.testing.assert_close(network[0].frozen_mean.flatten(), wanted)


def test_padding_to_a_stride_repeats_the_last_voxel():
    row = torch.tensor([[[1.0, 2.0, 3.0]]])
    assert pad_to_stride(row, (2,)).flatten().tolist() == [1, 2, 3, 3]
    assert pad_to_stride(row, (3,)) is row


def test_padding_to_a_shape_is_at_both_ends():
    row = torch.tensor([[[1.0, 2.0]]])
    padded = pad_to(row, (5,), "constant", 7.0)
    assert padded.flatten().tolist() == [7, 1, 2, 7, 7]
    assert pad_to(row, (2,), "constant", 7.0) is row
