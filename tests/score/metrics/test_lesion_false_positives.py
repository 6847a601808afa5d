"""False pieces are counted, none in a healthy scan too."""

import pytest

from tests.score.label_maps import compare
from tests.score.metrics.test_lesion_f1 import maps


@pytest.mark.parametrize(
    ("lesions", "pieces", "count"),
    [([0, 1], [0, 5, 7], 2), ([0], [], 0), ([], [3, 6], 2), ([], [], 0)],
)
def test_pieces_beside_all_lesions(lesions, pieces, count):
    found = compare(*maps(lesions, pieces), lesions=[1])["lesion_false_positives"]
    assert found == count
