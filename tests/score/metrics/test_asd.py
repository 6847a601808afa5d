"""The average surface distance, by hand and beside MONAI."""

import numpy as np
import pytest
import torch
from monai.metrics import compute_average_surface_distance

from tests.score.label_maps import compare, rough_pair


def test_the_mean_of_both_directions():
    label = np.zeros((9, 1, 1), np.uint8)
    label[0] = 1
    prediction = label.copy()
    prediction[6] = 1
    # One voxel of the label at 0, two of the prediction at 0 and 6 voxels.
    assert compare(label, prediction, (2, 1, 1))["asd"] == pytest.approx(12 / 3)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
def test_agrees_with_monai():
    maps = rough_pair(2)
    spacing = (1.0, 1.5, 3.0)
    true, predicted = (
        torch.from_numpy(np.stack([m != 1, m == 1])[None].astype(np.uint8))
        for m in maps
    )
    expected = compute_average_surface_distance(
        predicted, true, include_background=False, symmetric=True, spacing=spacing
    )
    found = compare(*maps, spacing)["asd"]
    assert found == pytest.approx(float(expected), rel=1e-6)
