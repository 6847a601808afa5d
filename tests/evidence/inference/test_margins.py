"""Tests against the margin: at its end, beyond it, and within."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from medinorm.evidence.inference.margins import (
    correct_by_holm,
    measure_beyond,
    measure_equivalence,
)


def test_a_difference_of_the_margin_is_called_larger_as_often_as_the_level_allows():
    rng = np.random.default_rng(0)
    value = rng.normal(0.01, 0.02, 20_000)
    se = 0.02 * np.sqrt(rng.chisquare(8, 20_000) / 8)
    p = measure_beyond(value, se, 8, 0.01)
    assert np.mean((p <= 0.05) & (value > 0)) == pytest.approx(0.025, abs=0.004)
    assert np.mean(p <= 0.05) <= 0.05
    zero = 2 * stats.t.sf(np.abs(value) / se, 8)
    assert np.mean(zero <= 0.05) > 0.07  # a test against 0 is wrong more often


def test_it_is_at_the_level_where_the_interval_ends_at_the_margin():
    se, df = np.array([0.003, 0.02]), 5
    value = 0.01 + stats.t.isf(0.025, df) * se
    np.testing.assert_allclose(measure_beyond(value, se, df, 0.01), 0.05)
    np.testing.assert_allclose(measure_beyond(-value, se, df, 0.01), 0.05)
    within = 0.01 - stats.t.isf(0.025, df) * se[:1]
    np.testing.assert_allclose(measure_equivalence(within, se[:1], df, 0.01), 0.025)


def test_without_error_it_is_certain():
    value, se = np.array([0.0, 0.02, 0.01]), np.zeros(3)
    np.testing.assert_array_equal(measure_beyond(value, se, np.inf, 0.01), [1, 0, 1])
    np.testing.assert_array_equal(
        measure_equivalence(value, se, np.inf, 0.01), [0, 1, 0.5]
    )


def test_what_is_unknown_stays_unknown():
    unknown = np.array([np.nan])
    assert np.isnan(measure_beyond(np.array([0.1]), unknown, unknown, 0.01)).all()
    assert np.isnan(measure_equivalence(np.array([0.1]), unknown, unknown, 0.01)).all()


def test_holm_is_that_of_statsmodels():
    p = np.random.default_rng(1).uniform(0, 0.2, 20) ** 2
    p[3] = p[7]
    np.testing.assert_allclose(
        correct_by_holm(p), multipletests(p, method="holm")[1], rtol=1e-12
    )
