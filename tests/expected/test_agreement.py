"""Agreement is Dice of predictions; sureness is measured near the structures."""

import numpy as np
import pytest

from medinorm.expected.agreement import (
    compare_by_dice,
    measure_agreement,
    measure_sureness,
)

TRUE = np.zeros((12, 12, 12), np.uint8)
TRUE[3:7, 3:7, 3:7] = 1
TRUE[7:9, 3:7, 3:7] = 2
SHIFTED = np.roll(TRUE, 1, axis=1)
NOTHING = np.zeros_like(TRUE)


def test_dice_is_the_mean_over_the_labels_that_are_there():
    assert compare_by_dice(TRUE, TRUE, (1, 2, 3)) == 1
    assert compare_by_dice(TRUE, SHIFTED, (1, 2, 3)) == pytest.approx(0.75)
    one = np.where(TRUE == 2, 0, TRUE)
    assert compare_by_dice(TRUE, one, (1, 2)) == pytest.approx(0.5)
    assert compare_by_dice(NOTHING, NOTHING, (1, 2)) is None


def test_agreement_is_the_mean_of_all_pairs():
    assert measure_agreement([TRUE] * 3, (1, 2)) == 1
    assert measure_agreement([TRUE, TRUE, SHIFTED], (1, 2)) == pytest.approx(2.5 / 3)
    assert measure_agreement([TRUE], (1, 2)) is None


def test_networks_that_find_nothing_agree_in_nothing():
    assert measure_agreement([NOTHING, NOTHING], (1, 2)) == 0
    assert measure_agreement([NOTHING, TRUE], (1, 2)) == 0


def test_sureness_is_of_the_band_alone_in_both_forms():
    near = np.zeros(TRUE.shape, bool)
    near[2:10, 2:8, 2:8] = True  # the structures, and a voxel of 3 mm around
    sure = np.where(near, 204, 0).astype(np.uint8)
    grid = (3.0, 3.0, 3.0)
    assert measure_sureness(TRUE, sure, grid) == pytest.approx(0.8)
    shares = (sure / 255).astype(np.float32)
    assert measure_sureness(TRUE, shares, grid) == pytest.approx(0.8)
    assert measure_sureness(NOTHING, sure, grid) is None
