"""Drift between domains: planted, absent, and by chance."""

import numpy as np
import pytest

from medinorm.predict.mechanism.drift import measure_drift

DOMAINS = np.repeat([0, 1, 2], 6)


def scans(shift=0.0, scale=0.0, channels=200, seed=0, noise=0.3):
    """Means and deviations of scans whose domains lie apart so far."""
    rng = np.random.default_rng(seed)
    size = len(DOMAINS), channels
    offsets = rng.normal(size=(3, channels))[DOMAINS]
    factors = rng.normal(size=(3, channels))[DOMAINS]
    means = shift * offsets + noise * rng.normal(size=size)
    deviations = np.exp(scale * factors + 0.05 * rng.normal(size=size))
    return means, deviations, DOMAINS


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_a_planted_shift_is_measured(shift):
    drift = measure_drift(*scans(shift))
    assert drift.shift == pytest.approx(shift, rel=0.15)
    assert drift.scale < 0.03


def test_a_planted_scale_is_measured():
    assert measure_drift(*scans(scale=0.4)).scale == pytest.approx(0.4, rel=0.15)


def test_what_differs_between_scans_alone_is_no_drift():
    assert measure_drift(*scans(noise=1.0)).shift < 0.15


def test_the_unit_is_the_feature_itself():
    means, deviations, domains = scans(1.0)
    one = measure_drift(means, deviations, domains)
    other = measure_drift(1e4 * means, 1e4 * deviations, domains)
    assert other == pytest.approx(one)


def test_one_domain_or_one_scan_each_says_nothing():
    means, deviations, domains = scans(1.0)
    assert np.isnan(measure_drift(means, deviations, np.zeros_like(domains))).all()
    few = np.array([0, 6, 12])
    assert np.isnan(measure_drift(means[few], deviations[few], domains[few])).all()


def test_constant_channels_are_left_out():
    means, deviations, domains = scans(1.0)
    dead = np.hstack([deviations, np.zeros((len(domains), 3))])
    more = np.hstack([means, np.ones((len(domains), 3))])
    assert measure_drift(more, dead, domains) == measure_drift(
        means, deviations, domains
    )
    nothing = np.zeros_like(deviations)
    assert np.isnan(measure_drift(means, nothing, domains)).all()
