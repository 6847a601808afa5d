"""The 95th percentile of the distances between surfaces, by hand."""

import numpy as np
import pytest

from tests.score.label_maps import compare


def test_a_shift_moves_the_surface_by_its_length():
    label = np.zeros((20, 20, 30), np.uint8)
    label[5:11, 5:11, 5:11] = 1
    found = compare(label, np.roll(label, 5, axis=2), (1, 1, 2))
    assert found["hd95"] == 10.0  # the far face is more than a twentieth of the surface


def test_hd95_is_the_larger_direction_not_the_pooled_percentile():
    label = np.zeros((40, 3, 3), np.uint8)
    label[:3, 1, 1] = 1
    prediction = label.copy()
    prediction[30, 1, 1] = 1  # one of four points, 28 voxels off
    forth = [0.0, 0.0, 0.0, 28.0]
    assert compare(label, prediction)["hd95"] == pytest.approx(np.percentile(forth, 95))
