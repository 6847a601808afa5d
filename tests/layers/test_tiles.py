import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medinorm.layers.tiles import Tile, cut_tiles, spread_windows

axes = st.tuples(st.integers(1, 20), st.integers(1, 8), st.integers(0, 5))


@given(st.lists(axes, min_size=1, max_size=3))
def test_cores_cover_the_volume_once_and_crops_hold_them(drawn):
    shape, core, halo = zip(*drawn, strict=True)
    seen = torch.zeros(shape)
    for tile in cut_tiles(shape, core, halo):
        seen[tile.core] += 1
        marked = torch.zeros(shape)
        marked[tile.core] = 1
        crop = marked[tile.crop]
        assert tuple(crop.shape) == tile.shape
        assert crop[tile.inner(tile.shape)].sum() == crop.sum() == marked.sum()
        for part, whole, edge, size in zip(
            tile.core, tile.crop, halo, shape, strict=True
        ):
            assert whole.start == max(0, part.start - edge)
            assert whole.stop <= min(size, part.stop + edge)
    assert (seen == 1).all()


def test_cores_are_found_in_coarser_features():
    tile = Tile(core=(slice(8, 16),), crop=(slice(4, 24),))
    assert tile.inner((20,)) == (slice(4, 12),)
    assert tile.inner((5,)) == (slice(1, 3),)
    with pytest.raises(ValueError, match="do not fit"):
        tile.inner((3,))


@given(
    st.lists(st.tuples(st.integers(1, 8), st.integers(0, 12)), min_size=1, max_size=3),
    st.integers(1, 40),
)
def test_windows_have_their_shape_and_stay_inside(drawn, count):
    window = tuple(part for part, _ in drawn)
    shape = tuple(part + more for part, more in drawn)
    windows = spread_windows(shape, window, count)
    assert 1 <= len(windows) <= count
    assert len({tuple(s.start for s in w) for w in windows}) == len(windows)
    for each in windows:
        assert torch.zeros(shape)[each].shape == window


def test_enough_windows_cover_the_volume():
    seen = torch.zeros(10, 7)
    for each in spread_windows((10, 7), (4, 3), 100):
        seen[each] += 1
    assert (seen >= 1).all()
