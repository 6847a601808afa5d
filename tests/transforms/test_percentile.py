"""Percentiles are exact, and impossible ones are refused."""

import numpy as np
import pytest

from medinorm.transforms import (
    PercentileScale,
)
from tests.transforms.cases import make_scan

POSITIVE = {"foreground": "positive"}


def test_percentiles_are_those_of_numpy(scan):
    result = PercentileScale((2, 98), **POSITIVE)(scan).numpy()
    for channel, mapped in zip(make_scan(), result, strict=True):
        low, high = np.percentile(channel[channel > 0].astype(float), (2, 98))
        expected = np.clip((channel - low) / (high - low), 0, 1)
        np.testing.assert_allclose(mapped, expected, atol=1e-6)


@pytest.mark.parametrize("percentiles", [(99, 1), (-1, 50), (50, 101)])
def test_refuses_impossible_percentiles(percentiles):
    with pytest.raises(ValueError, match="must rise"):
        PercentileScale(percentiles)


def test_fractions_are_refused_with_the_percentages():
    with pytest.raises(ValueError, match="say 1 and 99, not the fractions"):
        PercentileScale((0.01, 0.99))
