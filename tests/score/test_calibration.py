"""Voxels are counted by confidence, right ones apart, near the structures."""

import numpy as np
import pytest

from medinorm.records.calibration import BINS
from medinorm.score.calibration import measure_calibration

SHAPE = (20, 20, 20)
TRUE = np.zeros(SHAPE, np.uint8)
TRUE[6:13, 6:13, 6:13] = 1
SURE = np.full(SHAPE, 255, np.uint8)
ONE = (1.0, 1.0, 1.0)


def test_only_a_band_around_the_structure_counts():
    found = measure_calibration(TRUE, TRUE, SURE, ONE)
    assert sum(found.voxels) == 17**3  # 7 voxels, and 5 on each side
    assert found.correct == found.voxels
    assert found.brier == 0
    coarse = measure_calibration(TRUE, TRUE, SURE, (6.0, 1.0, 1.0))
    assert sum(coarse.voxels) == 7 * 17**2


def test_a_sure_network_that_is_wrong_has_the_worst_score():
    wrong = (1 - TRUE).astype(np.uint8)
    found = measure_calibration(TRUE, wrong, SURE, ONE)
    assert sum(found.correct) == 0
    assert found.brier == 1


def test_bins_hold_the_voxels_of_their_confidence():
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 256, SHAPE).astype(np.uint8)
    predicted = np.roll(TRUE, 1, axis=0)
    found = measure_calibration(TRUE, predicted, levels, ONE)
    for place, (count, mean) in enumerate(
        zip(found.voxels, found.confidence, strict=True)
    ):
        assert count > 0
        assert place / BINS <= mean <= (place + 1) / BINS
    near = np.s_[1:19, 1:18, 1:18]
    assert sum(found.voxels) == 18 * 17 * 17
    off = levels[near] / 255 - (predicted == TRUE)[near]
    assert found.brier == pytest.approx(np.mean(off**2))


def test_ignored_voxels_do_not_count():
    ignored = np.where(np.indices(SHAPE)[0] > 12, 9, TRUE).astype(np.uint8)
    found = measure_calibration(ignored, TRUE, SURE, ONE, ignored=9)
    assert sum(found.voxels) == (13 - 1) * 17**2


def test_without_any_structure_nothing_is_measured():
    assert measure_calibration(TRUE * 0, TRUE * 0, SURE, ONE) is None
