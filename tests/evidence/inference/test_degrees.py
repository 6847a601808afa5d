"""Degrees of freedom of two parts: known ends, and coverage by integration."""

import numpy as np
import pytest
from scipy import optimize, special, stats

from medinorm.evidence.inference.degrees import match_df


def draw(seed_share, few, many, studies, rng):
    """Estimated variances of both parts whose truth is `seed_share` and the rest."""
    first = seed_share * rng.chisquare(few, studies) / few
    second = (1 - seed_share) * rng.chisquare(many, studies) / many
    return first, second


def coverage(first, second, df):
    """How often m +- t s holds the truth, if the true variance is 1."""
    reach = stats.t.isf(0.025, df) * np.sqrt(first + second)
    return np.mean(1 - 2 * stats.norm.sf(reach))


# Degrees of freedom that are no column of the table.
@pytest.mark.parametrize("few", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("many", [4.5, 15.0, 200.0])
def test_where_one_part_is_all_it_is_that_of_student(few, many):
    df = match_df(np.array([0.0, 1.0]), few, many)
    quantiles = stats.t.isf(0.025, df)
    assert quantiles == pytest.approx(stats.t.isf(0.025, [many, few]), rel=1e-3)


@pytest.mark.parametrize("share", [0.05, 0.4, 0.61, 0.97])
@pytest.mark.parametrize(("few", "many"), [(2.0, 15.0), (4.0, 6.5)])
def test_the_quantile_is_that_of_the_posterior(share, few, many):
    """By quadrature of Student's t, which the mixture is made of."""

    z = np.linspace(-9, 9, 6001)
    x, widths = np.sinh(z), np.cosh(z) * (z[1] - z[0])

    def tail(quantile, extra_first, extra_second):
        first = few + extra_first, np.sqrt(share * few / (few + extra_first))
        df = many + extra_second
        away = (quantile - first[1] * x) / np.sqrt((1 - share) * many / df)
        density = stats.t.pdf(x, first[0]) * widths
        return 2 * np.sum(density * special.stdtr(df, -away))

    def excess(quantile):
        mixed = (1 - share) * tail(quantile, 2, 0) + share * tail(quantile, 0, 2)
        return mixed - 0.05

    quantile = optimize.brentq(excess, 1.5, 6.0, xtol=1e-5)
    (df,) = match_df(np.array([share]), few, many)
    assert stats.t.isf(0.025, df) == pytest.approx(quantile, rel=2e-3)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9, 1.0])
def test_intervals_hold_the_truth_whatever_the_share_of_three_seeds(share):
    """Satterthwaite's miss it too often where seeds are most of the variance."""
    rng = np.random.default_rng(0)
    first, second = draw(share, 2.0, 15.0, 1500, rng)
    df = match_df(first / (first + second), 2.0, 15.0)
    assert 0.93 <= coverage(first, second, df) <= 0.97


def test_satterthwaite_would_miss_the_truth():
    first, second = draw(0.9, 2.0, 15.0, 1500, np.random.default_rng(0))
    naive = (first + second) ** 2 / (first**2 / 2 + second**2 / 15)
    assert coverage(first, second, naive) < 0.93


def test_unknown_stays_unknown_and_shapes_are_kept():
    df = match_df(np.array([[0.5, np.nan], [0.5, 0.2]]), 2.0, np.array([9.0, 9.0]))
    assert df.shape == (2, 2)
    assert np.isnan(df[0, 1])
    assert df[0, 0] == df[1, 0]
    assert match_df(np.empty(0), 2.0, 9.0).shape == (0,)
