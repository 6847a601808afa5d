"""Slices the right way round, outlines exactly along voxel edges."""

import base64
import re
from io import BytesIO
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from medinorm.files.nifti import Volume
from medinorm.report.figures.slices import (
    Overlay,
    Slice,
    cover,
    crop,
    cut,
    display_window,
    draw_slice,
    draw_twice,
    find_plane,
    frame,
    trace,
    turn_upright,
)

masks = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def upright_edges(path):
    """Column, first row and length of each upright edge of closed lines, by hand."""
    for x, y, sides in re.findall(r"M(\d+) (\d+)([hv\d-]+)z", path):
        at = [int(x), int(y)]
        for way, length in re.findall(r"([hv])(-?\d+)", sides):
            was = list(at)
            at["hv".index(way)] += int(length)
            if way == "v":
                yield at[0], *sorted((was[1], at[1]))
        assert at[1] == int(y) or at[0] == int(x)  # the last side goes straight home
        if at[1] != int(y):
            yield at[0], *sorted((at[1], int(y)))


def fill(path: str, shape: tuple[int, int]) -> np.ndarray:
    """The inside of an outline, by counting upright edges to the left of each pixel."""
    crossings = np.zeros(shape, dtype=int)
    for x, top, bottom in upright_edges(path):
        crossings[top:bottom, x:] += 1
    return crossings % 2 == 1


@given(masks)
def test_outline_encloses_exactly_the_mask(mask):
    np.testing.assert_array_equal(fill(trace(mask), mask.shape), mask)


@given(masks)
def test_cover_is_exactly_the_mask(mask):
    filled = np.zeros_like(mask)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", cover(mask)):
        part = filled[int(y), int(x) : int(x) + int(length)]
        assert not part.any()
        part[:] = True
    np.testing.assert_array_equal(filled, mask)


@given(masks)
def test_outline_is_as_long_as_the_boundary(mask):
    padded = np.pad(mask, 1).astype(int)
    upright = np.abs(np.diff(padded, axis=1)).sum()
    drawn = sum(bottom - top for _, top, bottom in upright_edges(trace(mask)))
    assert drawn == upright


def test_each_part_and_each_hole_is_one_line():
    ring = np.ones((3, 3), dtype=np.bool_)
    ring[1, 1] = False
    assert trace(ring) == "M0 0h3v3h-3zM1 2h1v-1h-1z"
    corner = np.eye(2, dtype=np.bool_)  # two pixels that share a corner
    assert trace(corner) == "M0 0h1v1h-1zM1 1h1v1h-1z"


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (-1, -1, -1)])
def test_upright_is_the_same_whatever_the_storage(order, signs):
    """The voxel at a world position has the same value, and axes point R, A, S."""
    generator = np.random.default_rng(0)
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, list(order)] * np.array(signs) * [1.0, 2.0, 3.0]
    affine[:3, 3] = [5, -7, 11]
    volume = Volume(generator.random((2, 3, 4, 5)), affine)
    upright = turn_upright(volume)
    assert (np.diag(upright.affine)[:3] > 0).all()
    inverse = np.linalg.inv(upright.affine)
    for index in product(range(3), range(4), range(5)):
        x, y, z, _ = np.rint(inverse @ affine @ [*index, 1]).astype(int)
        assert (upright.array[:, x, y, z] == volume.array[(slice(None), *index)]).all()


@pytest.mark.parametrize(
    ("axis", "left"), [(0, "anterior"), (1, "right"), (2, "right")]
)
def test_slices_are_radiological(axis, left):
    """Left edge: right or anterior; top: superior, or anterior in axial slices."""
    ramp = {"right": 0, "anterior": 1, "superior": 2}
    array = np.indices((4, 5, 6))
    spacing = (1.0, 2.0, 3.0)
    sideways = cut(array[ramp[left]], spacing, axis, 2).pixels
    assert (np.diff(sideways, axis=1) == -1).all()
    top = "anterior" if axis == 2 else "superior"
    upright = cut(array[ramp[top]], spacing, axis, 2).pixels
    assert (np.diff(upright, axis=0) == -1).all()
    others = [spacing[other] for other in range(3) if other != axis]
    assert cut(array[0], spacing, axis, 2).size == tuple(others)


def test_figure_keeps_the_millimetres_and_the_grey_values():
    pixels = np.array([[0.0, 5.0, 10.0, np.nan]])
    svg = draw_slice(Slice(pixels, (2.0, 3.0)), (0.0, 10.0), (), 2, "a slice")
    assert 'viewBox="0 0 8 3"' in svg
    code = re.search(r"base64,([A-Za-z0-9+/=]+)", svg).group(1)
    grey = np.asarray(Image.open(BytesIO(base64.b64decode(code))))
    assert grey.tolist() == [[0, 127, 255, 0]]


def test_constant_slice_is_drawn():
    pixels = np.full((3, 3), 7)
    window = display_window(pixels)
    svg = draw_slice(Slice(pixels, (1.0, 1.0)), window, (), 0, "flat")
    assert "data:image/png;base64," in svg


def test_outline_is_scaled_to_millimetres():
    mask = np.ones((2, 2), dtype=np.bool_)
    image = Slice(mask.astype(float), (0.5, 1.5))
    svg = draw_slice(image, (0, 1), [Overlay(mask, "truth")], 1, "one")
    assert 'transform="scale(0.5000 1.5000)"' in svg
    assert 'class="outline truth"' in svg


def test_frame_holds_both_masks_and_a_margin():
    one, other = np.zeros((2, 60, 60), dtype=np.bool_)
    one[20, 30], other[25, 34] = True, True
    rows, columns = frame([Slice(one, (2.0, 1.0)), Slice(other, (2.0, 1.0))])
    assert (rows.start, rows.stop) == (10, 36)
    assert (columns.start, columns.stop) == (25, 40)


def test_frame_without_a_mask_is_everything():
    empty = Slice(np.zeros((5, 5), dtype=np.bool_), (1.0, 1.0))
    assert crop(empty, *frame([empty])).pixels.shape == (5, 5)


def test_large_slices_are_thinned():
    image = crop(Slice(np.zeros((900, 700)), (0.5, 0.5)), slice(None), slice(None))
    assert max(image.pixels.shape) <= 320
    assert image.size == (1.5, 1.5)


def test_window_ignores_what_is_not_finite():
    low, high = display_window(np.array([0.0, 1.0, np.inf, np.nan]))
    assert 0 <= low < high <= 1
    assert display_window(np.array([np.nan])) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("spacing", "axis"),
    [((5, 1, 1), 0), ((1, 5, 1), 1), ((1, 1, 5), 2), ((1, 1, 1), 2), ((5, 5, 1), 2)],
)
def test_the_plane_is_across_the_thickest_voxels(spacing, axis):
    assert find_plane(spacing) == axis


def test_twice_has_the_voxels_once():
    mask = np.ones((2, 2), dtype=np.bool_)
    image = Slice(mask.astype(float), (1.0, 1.0))
    overlays = [Overlay(mask, "truth"), Overlay(mask, "guess")]
    svg = draw_twice(image, (0, 1), overlays, 2, ("one", "scan 1"))
    assert svg.count("data:image/png") == 1
    (name,) = re.findall(r'id="(slice-\w+)"', svg)
    assert f'<use href="#{name}"/>' in svg
    bare, outlined = svg.split("<use")
    assert "outline" not in re.sub("<style>.*?</style>", "", bare)
    assert re.findall(r'class="outline (\w+)"', outlined) == [
        "casing",
        "truth",
        "guess",
    ]
    other = draw_twice(image, (0, 1), overlays, 2, ("one", "scan 2"))
    assert name not in other
