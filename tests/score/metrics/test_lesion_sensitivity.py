"""The share of lesions that were found."""

import pytest

from tests.score.label_maps import compare
from tests.score.metrics.test_lesion_f1 import maps


@pytest.mark.parametrize(
    ("lesions", "pieces", "share"),
    [([0, 1, 2], [0, 5], 1 / 3), ([0, 1], [], 0.0), ([], [3], None), ([], [], None)],
)
def test_found_over_all(lesions, pieces, share):
    found = compare(*maps(lesions, pieces), lesions=[1])["lesion_sensitivity"]
    assert found == (None if share is None else pytest.approx(share))
