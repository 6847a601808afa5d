"""The probe: a planted domain is read, noise is at chance."""

import numpy as np
import pytest

from medinorm.predict.mechanism.probe import guess_domains, whiten


def balanced(guesses, domains):
    return np.mean([np.mean(guesses[domains == d] == d) for d in np.unique(domains)])


@pytest.mark.parametrize("sizes", [(3, 3, 3), (4, 12, 8), (10, 10)])
def test_noise_is_at_chance(sizes):
    rng = np.random.default_rng(0)
    domains = np.repeat(np.arange(len(sizes)), sizes)
    found = [
        balanced(
            guess_domains(
                rng.normal(size=(len(domains), 64)), domains, np.arange(len(domains))
            ),
            domains,
        )
        for _ in range(150)
    ]
    chance, error = 1 / len(sizes), np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - chance) < 3.5 * error + 0.02


def test_a_planted_domain_is_read():
    rng = np.random.default_rng(1)
    domains = np.repeat([0, 1, 2], 5)
    features = rng.normal(size=(15, 40)) + 2 * rng.normal(size=(3, 40))[domains]
    assert balanced(guess_domains(features, domains, np.arange(15)), domains) > 0.9


def test_a_subject_is_never_judged_by_its_own_scans():
    """Two scans of each subject are alike, and subjects say nothing of domains."""
    rng = np.random.default_rng(2)
    hits = []
    for _ in range(60):
        subjects = np.repeat(np.arange(8), 2)
        domains = np.repeat([0, 1] * 4, 2)
        features = rng.normal(size=(8, 30))[subjects] + 0.01 * rng.normal(size=(16, 30))
        hits.append(balanced(guess_domains(features, domains, subjects), domains))
    assert 0.4 < np.mean(hits) < 0.6


def test_a_domain_of_one_subject_cannot_be_learned_without_it():
    domains, subjects = np.array([0, 0, 1]), np.array([0, 1, 2])
    guesses = guess_domains(np.array([[0.0], [0.1], [5.0]]), domains, subjects)
    assert guesses.tolist()[2] == -1


def test_whitening_ignores_scale_and_what_does_not_vary():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(12, 5))
    scaled = np.hstack([features * [1, 10, 100, 1e3, 1e4] + 5, np.ones((12, 2))])
    one, other = whiten(features), whiten(scaled)
    np.testing.assert_allclose(one @ one.T, other @ other.T, atol=1e-8)
    assert whiten(np.ones((4, 3))).shape == (4, 1)
