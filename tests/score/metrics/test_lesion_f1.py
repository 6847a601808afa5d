"""Lesions found, missed and false make one number."""

import numpy as np
import pytest

from tests.score.label_maps import compare


def maps(lesions, pieces):
    """Label maps of one voxel for each lesion or piece, at even places."""
    for places in (lesions, pieces):
        labels = np.zeros((20, 1, 1), np.uint8)
        labels[[2 * place for place in places]] = 1
        yield labels


@pytest.mark.parametrize(
    ("lesions", "pieces", "f1"),
    [
        ([0, 1, 2], [0, 1, 5], 4 / 6),
        ([0, 1], [], 0.0),
        ([], [3], 0.0),
        ([], [], None),
        ([4], [4], 1.0),
    ],
)
def test_twice_the_found_over_found_missed_and_false(lesions, pieces, f1):
    found = compare(*maps(lesions, pieces), lesions=[1])["lesion_f1"]
    assert found == (None if f1 is None else pytest.approx(f1))


def test_a_label_that_is_no_lesion_has_none():
    found = compare(*maps([1, 2], [1]))
    names = ("lesion_f1", "lesion_sensitivity", "lesion_false_positives")
    assert [found[name] for name in names] == [None] * 3
