"""Percentiles are exact; those that coincide are refused."""

import numpy as np
import pytest

from medinorm.errors import IntensityError
from medinorm.intensity import (
    fit_percentiles,
    measure_moments,
    standardize,
)

RNG = np.random.default_rng(0)
VOLUME = RNG.gamma(2.0, 50.0, (1, 9, 10, 11))
EVERYWHERE = [np.ones(VOLUME.shape[1:], dtype=bool)]


def zscore(array, masks=EVERYWHERE):
    return standardize(measure_moments(array, masks)).apply(array)


def test_percentiles_that_coincide_are_refused():
    array = np.zeros(VOLUME.shape)
    array[0, 0, 0, 0] = 5
    with pytest.raises(IntensityError, match="percentiles 1 and 99 are both 0"):
        fit_percentiles(array, EVERYWHERE, (1, 99))


def test_percentiles_are_exact_and_clipped():
    array = np.arange(101, dtype=np.int16).reshape(1, 101, 1, 1)
    mapped = fit_percentiles(array, [np.ones((101, 1, 1), bool)], (10, 90)).apply(array)
    assert mapped[0, 10, 0, 0] == 0
    assert mapped[0, 90, 0, 0] == 1
    assert mapped[0, 50, 0, 0] == 0.5
    assert (mapped.min(), mapped.max()) == (0, 1)
