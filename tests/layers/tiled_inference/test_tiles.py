import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medinorm.layers.tiled_inference.tiles import Tile, choose_tiles, cut_tiles

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
        for piece, whole, edge, size in zip(
            tile.core, tile.crop, halo, shape, strict=True
        ):
            assert whole.start == max(0, piece.start - edge)
            assert whole.stop <= min(size, piece.stop + edge)
    assert (seen == 1).all()


def test_cores_are_found_in_coarser_features():
    tile = Tile(core=(slice(8, 16),), crop=(slice(4, 24),))
    assert tile.inner((20,)) == (slice(4, 12),)
    assert tile.inner((5,)) == (slice(1, 3),)
    with pytest.raises(ValueError, match="do not fit"):
        tile.inner((3,), step=(4,))


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(0, 9), st.integers(0, 2)),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from([1, 2, 4]),
    st.integers(1, 9),
)
def test_chosen_tiles_have_one_shape_and_start_aligned(drawn, align, count):
    core = tuple(units * align for units, _, _ in drawn)
    shape = tuple(units * align + more for units, more, _ in drawn)
    halo = tuple(edge * align for _, _, edge in drawn)
    tiles = choose_tiles(shape, core, halo, (align,) * len(shape), count)
    assert len({tile.shape for tile in tiles}) == 1
    stride = (align,) * len(shape)
    cells = [tile.core for tile in cut_tiles(shape, core, halo, stride)]
    assert len(tiles) == min(count, len(cells))
    assert all(tile.core in cells for tile in tiles)
    assert len({str(tile.core) for tile in tiles}) == len(tiles)
    for tile in tiles:
        for inner, outer, size in zip(tile.core, tile.crop, shape, strict=True):
            assert 0 <= outer.start <= inner.start
            assert inner.stop <= outer.stop <= size
            if size % align == 0:
                assert outer.start % align == 0


def test_a_few_tiles_share_no_row():
    tiles = choose_tiles((30,) * 3, (10,) * 3, (0,) * 3, stride=(1,) * 3, count=3)
    for axis in range(3):
        assert len({tile.core[axis].start for tile in tiles}) >= 2


@given(
    st.integers(1, 70),
    st.sampled_from([4, 8]),
    st.tuples(st.integers(1, 3), st.integers(0, 2)),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([math.floor, math.ceil]),
    st.booleans(),
)
def test_cores_cover_coarser_features_once(
    size, stride, core_and_halo, step, cells, padded
):
    # Whether the network drops the end of an odd axis, keeps it, or gets it padded.
    room = -(-size // stride) * stride if padded else size
    if cells is math.floor and room < stride:
        return
    core, halo = ((units * stride,) for units in core_and_halo)
    tiles = cut_tiles((size,), core, halo, (stride,), (room,))
    seen = torch.zeros(cells(room / step))
    for tile in tiles:
        (crop,) = tile.crop
        assert crop.start % stride == 0
        assert crop.stop % stride == 0 or crop.stop == size == room
        features = torch.arange(cells((crop.stop - crop.start) / step))
        (inner,) = tile.inner((len(features),), (step,))
        assert len(features[inner])
        seen[crop.start // step + features[inner]] += 1
    measured = -(-size // step) if padded else len(seen)
    assert (seen[:measured] == 1).all()
    assert (seen[measured:] == 0).all()


def test_cores_may_be_rounded_outwards():
    tile = Tile(core=(slice(3, 6),), crop=(slice(0, 8),))
    assert tile.inner((4,)) == (slice(1, 3),)
