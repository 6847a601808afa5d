"""Voxel counts of labels are those of each mask."""

import numpy as np
import pytest
from hypothesis import given

from medinorm.score.overlaps import count_overlaps
from tests.score.label_maps import UNHURRIED, pairs


@UNHURRIED
@given(pair=pairs())
def test_counts_are_those_of_each_mask(pair):
    label, prediction = pair
    found = count_overlaps(label, prediction, [3, 1])
    for index, value in enumerate([3, 1]):
        true, predicted = label == value, prediction == value
        assert found.label[index] == true.sum()
        assert found.prediction[index] == predicted.sum()
        assert found.shared[index] == (true & predicted).sum()


def test_counts_do_not_depend_on_how_many_voxels_are_taken_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    label, prediction = rng.integers(0, 256, (2, 20, 21, 22)).astype(np.uint8)
    values = [*range(1, 256)]
    whole = count_overlaps(label, prediction, values)
    monkeypatch.setattr("medinorm.score.overlaps._VOXELS_AT_ONCE", 17)
    parts = count_overlaps(label, prediction, values)
    np.testing.assert_array_equal(whole.shared, parts.shared)
    np.testing.assert_array_equal(whole.label, parts.label)
    assert whole.shared.sum() == ((label == prediction) & (label > 0)).sum()


def test_label_maps_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        count_overlaps(np.zeros((2, 6), np.uint8), np.zeros((3, 4), np.uint8), [1])
