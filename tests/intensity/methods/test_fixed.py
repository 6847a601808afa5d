"""Methods that measure nothing give every scan the same map."""

from types import SimpleNamespace

import numpy as np
import pytest

from medinorm.errors import IntensityError
from medinorm.intensity.methods.fixed import clip_scan, keep_intensities, window_scan

SCAN = SimpleNamespace(array=np.array([[-2000.0, 40.0], [0.0, 3000.0]]))


def test_intensities_are_kept():
    mapped = keep_intensities(SCAN).apply(SCAN.array)
    assert (mapped == SCAN.array).all()


def test_each_channel_is_cut():
    mapped = clip_scan(SCAN, low=-1000, high=1000).apply(SCAN.array)
    np.testing.assert_allclose(mapped, [[-1000, 40], [0, 1000]])


def test_the_edges_of_a_window_go_to_0_and_1():
    mapped = window_scan(SCAN, center=40, width=400).apply(SCAN.array)
    np.testing.assert_allclose(mapped, [[0, 0.5], [0.4, 1]])


def test_limits_must_rise():
    with pytest.raises(IntensityError, match="do not rise"):
        clip_scan(SCAN, low=1, high=1)
