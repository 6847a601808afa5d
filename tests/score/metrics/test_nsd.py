"""The share of the surfaces that lie within the tolerance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.score.compare import image_diagonal
from tests.score.label_maps import (
    SPACINGS,
    UNHURRIED,
    both_have,
    compare,
    pairs,
    rough_pair,
)


@UNHURRIED
@given(
    pair=pairs().filter(both_have),
    spacing=SPACINGS,
    surface=st.sampled_from(["area", "voxel"]),
)
def test_nsd_rises_with_the_tolerance_to_one(pair, spacing, surface):
    tolerances = [0.0, 0.5, 1.0, 4.0, image_diagonal(pair[0].shape, spacing)]
    found = [compare(*pair, spacing, most, surface)["nsd"] for most in tolerances]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("surface", ["area", "voxel"])
def test_tolerance_includes_distances_equal_to_it(surface):
    label = np.zeros((6, 6, 6), np.uint8)
    label[1, 1, 1] = 1
    moved = np.roll(label, 3, axis=0)
    # 3 * 0.1 is larger than 0.3 in binary
    assert compare(label, moved, (0.1, 1, 1), 0.3, surface)["nsd"] == 1.0
    assert compare(label, moved, (0.1, 1, 1), 0.19, surface)["nsd"] < 1.0


# NSD of `rough_pair(0)` to `rough_pair(3)` by DeepMind's surface-distance 0.1, by
# spacing and tolerance. Its triangles are others where a surface bends within a cell.
DEEPMIND = {
    ((1.0, 1.0, 1.0), 1.0): [0.757359, 0.781682, 0.724472, 0.68462],
    ((1.0, 1.0, 1.0), 2.0): [0.984694, 0.981332, 0.919319, 0.920642],
    ((0.7, 1.3, 3.0), 1.0): [0.576954, 0.60247, 0.565231, 0.519414],
    ((0.7, 1.3, 3.0), 2.0): [0.881317, 0.916147, 0.846643, 0.837797],
}
BOUND = 0.001


@pytest.mark.parametrize(("spacing", "tolerance"), DEEPMIND)
def test_the_area_flavour_agrees_with_deepmind(spacing, tolerance):
    found = [
        compare(*rough_pair(kind), spacing, tolerance, "area")["nsd"]
        for kind in range(4)
    ]
    np.testing.assert_allclose(found, DEEPMIND[spacing, tolerance], rtol=0, atol=BOUND)


def test_the_flavours_differ_by_more_than_that():
    area, voxel = (
        compare(*rough_pair(3), (1, 1, 1), 1.0, surface)["nsd"]
        for surface in ("area", "voxel")
    )
    assert area - voxel > 0.1


def test_elements_count_by_their_area():
    """A flat block: its faces are larger than its rims, whatever the spacing."""
    label = np.zeros((14, 14, 9), np.uint8)
    label[2:12, 2:12, 2:4] = 1
    prediction = label.copy()
    prediction[2:12, 2:12, 4:7] = 1  # one of the two faces is three voxels off
    found = compare(label, prediction, (1, 1, 1), 0.5, "area")["nsd"]
    assert 0.4 < found < 0.6
