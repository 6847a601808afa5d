"""The share of the surfaces that lie within the tolerance."""

import numpy as np
from hypothesis import given

from medinorm.score.compare import image_diagonal
from tests.score.label_maps import SPACINGS, UNHURRIED, both_have, compare, pairs


@UNHURRIED
@given(pair=pairs().filter(both_have), spacing=SPACINGS)
def test_nsd_rises_with_the_tolerance_to_one(pair, spacing):
    tolerances = [0.0, 0.5, 1.0, 4.0, image_diagonal(pair[0].shape, spacing)]
    found = [compare(*pair, spacing, tolerance)["nsd"] for tolerance in tolerances]
    assert found == sorted(found)
    assert found[-1] == 1.0


def test_tolerance_includes_distances_equal_to_it():
    label = np.zeros((6, 6, 6), np.uint8)
    label[1, 1, 1] = 1
    moved = np.roll(label, 3, axis=0)
    # 3 * 0.1 is larger than 0.3 in binary
    assert compare(label, moved, (0.1, 1, 1), 0.3)["nsd"] == 1.0
    assert compare(label, moved, (0.1, 1, 1), 0.29)["nsd"] == 0.0
