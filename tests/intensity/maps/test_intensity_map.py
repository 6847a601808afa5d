"""What all maps share: channels, masks."""

import numpy as np
import pytest

from medinorm.errors import IntensityError
from medinorm.intensity import (
    LinearMap,
    measure_moments,
    standardize,
)

RNG = np.random.default_rng(0)
VOLUME = RNG.gamma(2.0, 50.0, (1, 9, 10, 11))
EVERYWHERE = [np.ones(VOLUME.shape[1:], dtype=bool)]


def zscore(array, masks=EVERYWHERE):
    return standardize(measure_moments(array, masks)).apply(array)


def test_the_mask_restricts_the_fit_and_not_the_map():
    array = VOLUME.copy()
    mask = np.zeros(array.shape[1:], dtype=bool)
    mask[:4] = True
    array[0, 4:] = 1e5
    mapped = zscore(array, [mask])
    assert abs(mapped[0][mask].mean()) < 1e-5
    assert mapped[0, 4:].min() > 100


def test_channels_are_mapped_by_themselves():
    array = np.concatenate([VOLUME, VOLUME * 1000 + 7])
    mapped = zscore(array, EVERYWHERE * 2)
    np.testing.assert_allclose(mapped[0], mapped[1], atol=1e-4)


def test_the_number_of_channels_must_fit():
    with pytest.raises(IntensityError, match="the image has 2 channels, the map 1"):
        LinearMap((0.0,), (1.0,)).apply(np.zeros((2, 3, 3, 3)))
