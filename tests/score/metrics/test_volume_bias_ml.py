"""The error of the volume in ml keeps its sign, also of false structures."""

import pytest

from tests.score.label_maps import compare
from tests.score.metrics.test_volume_bias import maps


@pytest.mark.parametrize(
    ("counts", "bias"), [((8, 10), 12), ((8, 0), -48), ((0, 3), 18), ((0, 0), 0)]
)
def test_voxels_too_many_times_their_volume(counts, bias):
    found = compare(*maps(*counts), spacing=(10.0, 20.0, 30.0))  # 6 ml a voxel
    assert found["volume_bias_ml"] == pytest.approx(bias)
