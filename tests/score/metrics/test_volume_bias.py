"""The relative error of the volume keeps its sign."""

import numpy as np
import pytest

from tests.score.label_maps import compare


def maps(voxels_label, voxels_prediction):
    for count in (voxels_label, voxels_prediction):
        labels = np.zeros(20, np.uint8)
        labels[:count] = 1
        yield labels.reshape(5, 2, 2)


@pytest.mark.parametrize(
    ("counts", "bias"),
    [((8, 10), 0.25), ((8, 6), -0.25), ((8, 0), -1.0), ((0, 3), None), ((0, 0), None)],
)
def test_too_much_is_positive_and_a_missed_structure_is_minus_one(counts, bias):
    assert compare(*maps(*counts))["volume_bias"] == bias
