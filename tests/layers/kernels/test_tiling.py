import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medinorm.layers.kernels.tiling import PROGRAMS, TILE, Tiling

SIZES = st.tuples(*[st.integers(1, 300)] * 2, st.integers(1, 1 << 24))


def tensor(shape, *, last):
    """A tensor of any size that takes no memory."""
    x = torch.empty(shape, device="meta")
    return x.movedim(1, -1).contiguous().movedim(-1, 1) if last else x


@given(SIZES, st.booleans())
def test_every_voxel_of_every_channel_has_one_program(shape, last):
    tiling = Tiling.of(tensor(shape, last=last))
    chunks, blocks, samples = tiling.grid
    size = tiling.chunk_voxels
    assert (chunks - 1) * size < tiling.voxels <= chunks * size
    assert (blocks - 1) * tiling.tile[1] < tiling.channels <= blocks * tiling.tile[1]
    assert samples == shape[0]


@given(SIZES, st.booleans())
def test_tiles_fit_in_registers_and_tables_stay_small(shape, last):
    tiling = Tiling.of(tensor(shape, last=last))
    assert tiling.tile[0] * tiling.tile[1] <= TILE
    assert all(side & (side - 1) == 0 for side in tiling.tile)
    assert tiling.chunks < 2 * PROGRAMS


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5), (2, 3, 4, 5, 6)])
def test_strides_find_every_value(shape, last):
    x = tensor(shape, last=last)
    per_sample, per_channel, per_voxel = Tiling.of(x).strides
    assert x.stride()[:2] == (per_sample, per_channel)
    assert x.stride()[-1] == per_voxel


def test_a_single_large_channel_occupies_the_device():
    tiling = Tiling.of(tensor((1, 1, 128**3), last=False))
    assert tiling.chunks >= PROGRAMS // 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_channels_innermost_are_read_by_the_cache_line(dtype):
    x = tensor((1, 96, 8, 8, 8), last=True).to(dtype)
    assert Tiling.of(x).tile[1] * x.element_size() == 128
