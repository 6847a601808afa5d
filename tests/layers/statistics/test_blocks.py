import pytest
import torch

from medinorm.layers.statistics import blocks
from medinorm.layers.statistics.blocks import (
    apply_affine,
    combine,
    empty_like_view,
    is_channels_last,
    measure,
    reduce_gradient,
    voxel_view,
)


@pytest.fixture(params=[1, 7, 64, 10**6])
def block_size(request, monkeypatch):
    """Blocks that cut through rows, samples and channels."""
    monkeypatch.setattr(blocks, "BLOCK", request.param)
    return request.param


def _volume(layout):
    return layout(torch.randn(2, 3, 4, 2, 3, dtype=torch.float64))


def _expand(values):
    return values[..., None, None, None]


def test_the_view_shares_memory_and_keeps_the_values(layout):
    x = _volume(layout)
    view, axis = voxel_view(x)
    assert view.data_ptr() == x.data_ptr()
    assert torch.equal(view if axis == 2 else view.mT, x.flatten(2))


def test_other_layouts_are_copied_to_contiguous():
    x = torch.randn(2, 3, 4, 2, 3).transpose(2, 4)
    view, axis = voxel_view(x)
    assert axis == 2
    assert torch.equal(view, x.flatten(2))


def test_one_channel_counts_as_contiguous():
    assert not is_channels_last(torch.zeros(2, 1, 3, 3, 3))


def test_blocks_cover_every_element_once(block_size):
    assert block_size == blocks.BLOCK
    for axis in (1, 2):
        seen = torch.zeros(3, 5, 7)
        for block, stat in blocks.blocks(seen.shape, axis):
            seen[block] += 1
            assert stat[axis] == slice(0, 1)
        assert (seen == 1).all()


def test_results_have_the_layout_of_the_input(layout):
    x = _volume(layout)
    out, view = empty_like_view(x, voxel_view(x)[1])
    assert out.stride() == x.stride()
    assert view.data_ptr() == out.data_ptr()


@pytest.mark.usefixtures("block_size")
def test_measure_finds_mean_and_squares(layout):
    x = _volume(layout)
    mean, squares = measure(x)
    torch.testing.assert_close(mean, x.mean((2, 3, 4)))
    torch.testing.assert_close(squares, x.var((2, 3, 4), correction=0) * 24)


@pytest.mark.usefixtures("block_size")
def test_affine_and_its_gradient_follow_their_formulas(layout):
    x, gradient = _volume(layout), torch.randn(2, 3, 4, 2, 3, dtype=torch.float64)
    mean, a, b, c = torch.randn(4, 2, 3, dtype=torch.float64)
    centred = x - _expand(mean)
    torch.testing.assert_close(
        apply_affine(x, mean, a, b), centred * _expand(a) + _expand(b)
    )
    total, moment = reduce_gradient(gradient, x, mean)
    torch.testing.assert_close(total, gradient.sum((2, 3, 4)))
    torch.testing.assert_close(moment, (gradient * centred).sum((2, 3, 4)))
    torch.testing.assert_close(
        combine(gradient, x, mean, (a, b, c)),
        gradient * _expand(a) + centred * _expand(b) + _expand(c),
    )


def test_half_precision_is_computed_in_float32(layout):
    x = layout((torch.randn(1, 2, 8, 8, 8) * 300 + 1000).half())
    mean, squares = measure(x)
    assert torch.isfinite(squares).all()
    y = apply_affine(x, mean, torch.full_like(mean, 0.01), torch.zeros_like(mean))
    assert y.dtype == torch.float16
    torch.testing.assert_close(y.float().std(), torch.tensor(3.0), rtol=0.1, atol=0)
