"""Limits and windows in HU."""

import numpy as np
import pytest

from medinorm.errors import IntensityError
from medinorm.transforms import (
    ClipIntensity,
    WindowIntensity,
)

POSITIVE = {"foreground": "positive"}


def test_ct_windows():
    stored = np.array([[[-2000, -1024, -160, 40, 240, 3000]]], dtype=np.int16)
    window = WindowIntensity(center=40, width=400)(stored).numpy()
    np.testing.assert_allclose(window, [[[0, 0, 0, 0.5, 1, 1]]])
    clipped = ClipIntensity(-1000, 1000)(stored).numpy()
    np.testing.assert_allclose(clipped, [[[-1000, -1000, -160, 40, 240, 1000]]])
    for refused in (lambda: ClipIntensity(5, 5), lambda: WindowIntensity(40, 0)):
        with pytest.raises(IntensityError):
            refused()
    with pytest.raises(IntensityError, match="1 voxels are NaN"):
        ClipIntensity(0, 1)(np.array([[np.nan]]))
