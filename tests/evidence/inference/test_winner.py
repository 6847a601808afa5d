"""The winner's mean: what is measured was not used to choose."""

import numpy as np
import pytest

from medinorm.evidence.bootstrap import Interval, domain_means, draw_replicates
from medinorm.evidence.inference.winner import (
    choose_without,
    combine_intervals,
    score_by_choice,
)

SUBJECTS, SEEDS = 4, 3


def replicate(dice):
    names = [f"s{number}" for number in range(SUBJECTS)]
    rng = np.random.default_rng(0)
    replicates = draw_replicates(names, ["a"] * SUBJECTS, SEEDS, 1, rng)
    return domain_means(dice, replicates, [np.arange(SUBJECTS)])[:, 0], replicates


def test_each_score_is_of_the_variant_that_the_others_choose():
    dice = np.random.default_rng(4).random((3, SUBJECTS, SEEDS))
    means, replicates = replicate(dice)
    chosen = choose_without(means, replicates)
    scores = score_by_choice(dice, means, replicates)
    for subject in range(SUBJECTS):
        for seed in range(SEEDS):
            others = np.delete(np.delete(dice, subject, axis=1), seed, axis=2)
            first = others.mean(axis=(1, 2)).argmax()
            assert chosen[subject, seed] == first
            assert scores[subject, seed] == dice[first, subject, seed]


def test_among_equals_it_is_unbiased_where_the_highest_is_too_high():
    rng = np.random.default_rng(5)
    highest, corrected = [], []
    for _ in range(400):
        dice = rng.normal(size=(6, 1, SEEDS)) + rng.normal(size=(6, SUBJECTS, SEEDS))
        means, replicates = replicate(dice)
        highest.append(means[:, 0].max())
        corrected.append(score_by_choice(dice, means, replicates).mean())
    error = np.std(corrected) / 20
    assert np.mean(highest) > 0.6
    assert abs(np.mean(corrected)) < 3 * error


def test_a_clear_winner_keeps_its_mean():
    dice = np.random.default_rng(6).random((3, SUBJECTS, SEEDS))
    dice[1] += 2
    means, replicates = replicate(dice)
    np.testing.assert_array_equal(score_by_choice(dice, means, replicates), dice[1])


def test_the_correction_widens_the_interval():
    winner = Interval(0.73, 0.69, 0.77)
    same = combine_intervals(winner, winner)
    assert same == pytest.approx(winner)
    lower = combine_intervals(Interval(0.70, 0.66, 0.74), winner)
    assert lower.value == 0.70
    assert lower.low == pytest.approx(0.70 - np.hypot(0.04, 0.03))
    assert combine_intervals(Interval(0.7, None, None), winner).low is None
