"""Fuzzy classes where the truth is known, and agreement with other implementations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import IntensityError
from medinorm.intensity.methods.fcm import find_centres, fit_fcm, memberships
from medinorm.intensity.statistics.density import count_values

RNG = np.random.default_rng(0)
LEVELS = RNG.choice([30.0, 60, 90], (1, 30, 31, 32), p=[0.2, 0.45, 0.35])
SCAN = LEVELS + RNG.normal(0, 5, LEVELS.shape)


@pytest.mark.parametrize(
    ("tissue", "level"), [("darkest", 30), ("middle", 60), ("brightest", 90)]
)
def test_the_mean_of_a_tissue_becomes_1(tissue, level):
    """But for the voxels of other tissues, which belong to it a little."""
    mapped = fit_fcm(SCAN, [None], tissue).apply(SCAN)
    assert mapped[level == LEVELS].mean() == pytest.approx(1, abs=0.08)


@given(gain=st.floats(1e-3, 1e4))
def test_the_gain_of_a_scanner_vanishes(gain):
    changed = gain * SCAN
    np.testing.assert_allclose(
        fit_fcm(changed, [None]).apply(changed),
        fit_fcm(SCAN, [None]).apply(SCAN),
        rtol=1e-3,
    )


def test_a_few_extreme_voxels_change_nothing():
    array = SCAN.copy()
    array[0, 0, 0, :5] = 1e6
    assert fit_fcm(array, [None]).scale[0] == pytest.approx(
        fit_fcm(SCAN, [None]).scale[0], rel=0.01
    )


@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20),
    centres=st.lists(st.integers(-100, 100), min_size=2, max_size=4, unique=True),
)
def test_memberships_are_shares(values, centres):
    shares = memberships(np.array(values), np.array(centres, dtype=float))
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=0), 1)


def test_a_value_at_a_centre_belongs_to_it():
    shares = memberships(np.array([3.0]), np.array([3.0, 4.0]))
    np.testing.assert_allclose(shares, [[1], [0]], atol=1e-12)


def test_centres_are_where_no_round_moves_them():
    histogram = count_values(SCAN.ravel())
    centres = find_centres(histogram, 3)
    weights = histogram.counts * memberships(histogram.means, centres) ** 2
    again = weights @ histogram.means / weights.sum(axis=1)
    np.testing.assert_allclose(again, centres, rtol=1e-3)
    assert (np.diff(centres) > 0).all()


def test_two_levels_make_no_three_tissues():
    two = np.repeat([1.0, 2.0], 500).reshape(1, 10, 10, 10)
    with pytest.raises(IntensityError, match="2 levels of intensity, too few for 3"):
        fit_fcm(two, [None])


def test_a_mean_at_or_below_0_is_refused():
    with pytest.raises(IntensityError, match="use raw intensities"):
        fit_fcm(SCAN - 60, [None], "darkest")


def test_agrees_with_intensity_normalization():
    """Its centres start at random and it stops early; the classes are the same."""
    peer = pytest.importorskip("intensity_normalization.normalizers.individual.fcm")
    adapters = pytest.importorskip("intensity_normalization.adapters.images")
    array = SCAN.astype(np.float32)
    image = adapters.NumpyImageAdapter(array[0])
    theirs = peer.FCMNormalizer(error_threshold=1e-6, max_iter=500)
    theirs.fit(image)
    mapped = fit_fcm(array, [array[0] > 0]).apply(array)
    np.testing.assert_allclose(mapped[0], theirs.transform(image).get_data(), rtol=5e-3)
