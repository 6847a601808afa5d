"""The Dice coefficient, by hand."""

import numpy as np

from tests.score.label_maps import compare


def test_twice_the_shared_voxels_over_the_voxels_of_both():
    label, prediction = np.zeros((2, 4, 4, 4), np.uint8)
    label[0, 0] = 1  # 4 voxels
    prediction[0, 0, 1:] = 1  # 3 of them
    prediction[2, 2, :3] = 1  # 3 elsewhere
    assert compare(label, prediction)["dice"] == 2 * 3 / (4 + 6)
