"""Lesions are connected pieces; each is found, missed, or false."""

import numpy as np
import pytest

from medinorm.score.lesions import LesionCounts, count_lesions


def test_pieces_that_touch_at_a_corner_are_one_lesion():
    true = np.zeros((4, 4, 4), np.bool_)
    true[0, 0, 0] = true[1, 1, 1] = True  # they share a corner
    true[3, 3, 3] = True
    assert count_lesions(true, true) == LesionCounts(2, 2, 0)


def test_one_shared_voxel_finds_a_lesion_and_one_piece_may_find_several():
    true, predicted = np.zeros((2, 9, 3, 3), np.bool_)
    true[:2], true[4:6] = True, True
    predicted[1:5, 0, 0] = True  # one piece over both
    predicted[8, 2, 2] = True  # a false one
    assert count_lesions(true, predicted) == LesionCounts(2, 2, 1)


@pytest.mark.parametrize(
    ("true", "predicted", "counts"),
    [(0, 0, (0, 0, 0)), (1, 0, (1, 0, 0)), (0, 1, (0, 0, 1)), (1, 1, (1, 1, 0))],
)
def test_empty_maps_have_no_lesions(true, predicted, counts):
    maps = (np.full((2, 2, 2), bool(value)) for value in (true, predicted))
    assert count_lesions(*maps) == counts
