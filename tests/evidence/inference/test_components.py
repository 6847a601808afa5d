"""Mean squares by hand, and that the unbiased variance is unbiased."""

import numpy as np
import pytest

from medinorm.evidence.bootstrap import domain_means, draw_replicates
from medinorm.evidence.inference.components import split_variance


def split(values):
    """Components of the mean of scores ``(..., n, K)`` of one domain."""
    n, seeds = values.shape[-2:]
    names = [f"s{number}" for number in range(n)]
    rng = np.random.default_rng(0)
    replicates = draw_replicates(names, ["a"] * n, seeds, 1, rng)
    means = domain_means(values, replicates, [np.arange(n)])[..., 0, :]
    return split_variance(means[..., replicates.after :], replicates.left_out)


def test_the_components_are_the_mean_squares_of_the_analysis_of_variance():
    values = np.random.default_rng(1).random((6, 5))
    n, seeds = values.shape
    by_subject, by_seed = values.mean(axis=1), values.mean(axis=0)
    rest = values - by_subject[:, None] - by_seed + values.mean()
    parts = split(values)
    assert parts.subjects == pytest.approx(by_subject.var(ddof=1) / n)
    assert parts.seeds == pytest.approx(by_seed.var(ddof=1) / seeds)
    of_rest = (rest**2).sum() / ((n - 1) * (seeds - 1)) / (n * seeds)
    assert parts.rest == pytest.approx(of_rest)
    assert (parts.seed_df, parts.subject_df) == (4, pytest.approx(5))
    assert parts.rest_df == pytest.approx(20)
    third = np.sum((by_subject - by_subject.mean()) ** 3) * n / ((n - 1) * (n - 2))
    assert parts.third == pytest.approx(third / n**2)


@pytest.mark.parametrize(("seeds", "factor"), [(3, 2.0), (5, 1.0)])
def test_the_rest_is_subtracted_where_there_are_five_seeds(seeds, factor):
    """Where all that varies is the rest, the sum of both counts it twice."""
    values = np.random.default_rng(2).normal(size=(4000, 6, seeds))
    parts = split(values)
    true = 1 / (6 * seeds)
    total = np.mean(parts.seeds + parts.subjects - parts.subtracted)
    assert total / true == pytest.approx(factor, rel=0.05)
    assert (parts.variance >= np.maximum(parts.seeds, parts.subjects)).all()


def test_few_seeds_leave_few_degrees_of_freedom_where_they_matter():
    rng = np.random.default_rng(3)
    subject, seed = rng.normal(size=(500, 30, 1)), 0.3 * rng.normal(size=(500, 1, 3))
    parts = split(subject + seed)
    naive = parts.variance**2 / (parts.seeds**2 / 2 + parts.subjects**2 / 29)
    large = parts.share > 0.4
    assert large.any()
    assert (parts.df[large] <= 7).all()
    assert (parts.df[large] < naive[large]).all()
    assert parts.df.max() > 15


def test_the_shares_and_degrees_of_the_parts():
    values = np.random.default_rng(5).normal(size=(6, 5))
    parts = split(values)
    assert parts.share == pytest.approx(parts.seeds / parts.variance)
    squares = parts.seeds**2 / 4 + parts.subjects**2 / 5 + parts.rest**2 / 20
    assert parts.unbiased_df == pytest.approx(parts.unbiased**2 / squares)
    assert parts.others_df >= 1


def test_what_does_not_vary_is_known_exactly():
    parts = split(np.full((4, 5), 0.7))
    assert (parts.variance, parts.df) == (0, np.inf)
