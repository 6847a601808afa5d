"""Quantiles are those of NumPy, in a mask on the same grid."""

import numpy as np
import pytest
import torch

from medinorm.errors import IntensityError
from medinorm.intensity import measure_quantiles

VALUES = np.random.default_rng(0).gamma(2.0, 10.0, (9, 8, 7)).astype(np.float32)
SHARES = (0.0, 0.01, 0.3, 0.999, 1.0)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_quantiles_in_a_mask_are_those_of_numpy(kind):
    mask = VALUES > 5
    measured = measure_quantiles(kind(VALUES), kind(mask), SHARES)
    expected = np.quantile(VALUES[mask].astype(float), SHARES)
    np.testing.assert_allclose(measured, expected, rtol=1e-12)


def test_an_empty_mask_and_one_on_another_grid_are_refused():
    with pytest.raises(IntensityError, match="no voxel is in the mask"):
        measure_quantiles(VALUES, np.zeros(VALUES.shape, dtype=bool), SHARES)
    with pytest.raises(IntensityError, match="the mask has 9x8 voxels"):
        measure_quantiles(VALUES, VALUES[..., 0], SHARES)
