import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medinorm.demo.grid import Grid, block_mean

PARTS = st.tuples(*[st.integers(1, 3)] * 3)
AFFINES = hnp.arrays(np.float64, (3, 4), elements=st.floats(-5, 5, width=32)).map(
    lambda top: np.vstack([top, [0, 0, 0, 1]])
)


@given(affine=AFFINES, parts=PARTS)
def test_a_voxel_lies_in_the_middle_of_its_sub_voxels(affine, parts):
    grid = Grid((3, 2, 4), affine)
    fine = grid.divided(parts)
    middle = [block_mean(axis, parts) for axis in fine.points()]
    np.testing.assert_allclose(middle, grid.points(), atol=1e-4)


@given(affine=AFFINES)
def test_points_are_what_the_affine_says(affine):
    grid = Grid((3, 2, 4), affine)
    index = np.indices(grid.shape).reshape(3, -1)
    expected = affine[:3, :3] @ index + affine[:3, 3:]
    np.testing.assert_allclose(grid.points().reshape(3, -1), expected, atol=1e-4)


@given(parts=PARTS)
def test_block_mean_keeps_the_mean(parts):
    array = np.random.default_rng(0).random(np.multiply((2, 3, 4), parts)).astype("f4")
    mean = block_mean(array, parts)
    assert mean.shape == (2, 3, 4)
    np.testing.assert_allclose(mean.mean(), array.mean(), rtol=1e-5)
