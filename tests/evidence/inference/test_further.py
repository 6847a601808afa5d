"""What may be expected of a further domain: by hand, and in simulated studies."""

import numpy as np
import pytest

from medinorm.evidence.bootstrap import domain_means, draw_replicates, estimate
from medinorm.evidence.inference.further import infer_further, predict_further

SUBJECTS, SEEDS = 4, 3


def infer(values):
    """From scores ``(..., D, n, K)``: here, and for domains like these."""
    domains = values.shape[-3]
    scans = domains * SUBJECTS
    where = np.repeat([f"d{number}" for number in range(domains)], SUBJECTS)
    names = [f"s{number}" for number in range(scans)]
    rng = np.random.default_rng(0)
    replicates = draw_replicates(names, where.tolist(), SEEDS, 1, rng)
    flat = values.reshape(*values.shape[:-3], scans, SEEDS)
    means = domain_means(flat, replicates, np.split(np.arange(scans), domains))
    here = estimate(means.mean(axis=-2), replicates, 0.95)
    return here, infer_further(here, estimate(means, replicates, 0.95), 0.95)


def draw(studies, domains, between, rng):
    """Scores whose mean over all such domains is 0, the next domain last."""
    centres = between * rng.normal(size=(studies, domains + 1, 1, 1))
    shape = (studies, domains, SUBJECTS, SEEDS)
    noise = 0.03 * rng.normal(size=(*shape[:3], 1)) + 0.02 * rng.normal(size=shape)
    return centres[:, :-1] + noise, centres[:, -1, 0, 0]


@pytest.mark.parametrize("between", [0.0, 0.05])
@pytest.mark.parametrize("domains", [3, 6])
def test_intervals_hold_what_is_true_of_domains_like_these(domains, between):
    rng = np.random.default_rng(1)
    values, following = draw(600, domains, between, rng)
    here, found = infer(values)
    assert np.mean((found.low <= 0) & (found.high >= 0)) >= 0.93
    held = (found.next_low <= following) & (following <= found.next_high)
    assert held.mean() >= 0.93
    assert (found.low <= here.low).all()
    assert (found.high >= here.high).all()
    assert (found.next_low <= found.low).all()
    assert (found.next_high >= found.high).all()


def test_domains_that_agree_by_chance_are_not_taken_for_certain():
    values = np.zeros((3, SUBJECTS, SEEDS))
    values[:, 0], values[:, 1] = 0.3, -0.3  # each domain has mean 0
    here, found = infer(values)
    assert found.deviation == pytest.approx(np.sqrt(0.09 * 2 / 3 / 4), rel=1e-6)
    assert found.next_low < found.low < here.value


def test_one_domain_says_nothing_of_others():
    _, found = infer(np.random.default_rng(2).random((1, SUBJECTS, SEEDS)))
    assert np.isnan([found.low, found.high, found.next_low, found.next_high]).all()


@pytest.mark.parametrize("k", [2, 3, 5])
def test_prediction_intervals_hold_the_next_domain_19_times_in_20(k):
    rng = np.random.default_rng(k)
    studies = rng.normal(0.8, 0.05, (2000, k + 1))
    held = 0
    for *known, further in studies:
        found = predict_further(np.array(known), 0.95)
        held += found.low <= further <= found.high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)  # three standard errors


def test_the_prediction_interval_of_three_domains_by_hand():
    found = predict_further(np.array([0.70, 0.80, 0.90]), 0.95)
    assert found.standard_deviation == pytest.approx(0.1)
    assert found.factor == pytest.approx(4.3027 * np.sqrt(4 / 3), rel=1e-4)
    assert found.factor == pytest.approx(4.97, abs=0.005)
    assert found.low == pytest.approx(0.8 - 0.4968, abs=1e-4)
    assert found.high == pytest.approx(0.8 + 0.4968, abs=1e-4)


@pytest.mark.parametrize("means", [[0.8], [0.8, np.nan], []])
def test_fewer_than_two_domains_predict_nothing(means):
    assert np.isnan(predict_further(np.array(means), 0.95)).all()
