"""Scores lie on shared axes; what is not there is not-a-number."""

import numpy as np

from medinorm.evidence.score_arrays import (
    find_axes,
    gather_scores,
    replicate_study,
)
from medinorm.records.evidence import CaseRow
from medinorm.records.metrics import METRICS
from medinorm.records.scores import ScoreRow
from medinorm.variant import Variant

VARIANT = Variant("zscore", "batch", "flip", "none")


def case(scan, seed, label, dice):
    metrics = dict.fromkeys(METRICS, dice)
    score = ScoreRow(VARIANT, "s", seed, scan, label, "scored", metrics, 10, 12)
    return CaseRow(
        score,
        design="lodo",
        fold=0,
        train_set="s",
        subject=scan.upper(),
        domain="ge",
        in_domain=False,
        failure="low" if dice == 0 else "none",
    )


CASES = [
    case(scan, seed, label, float(dice))
    for dice, (scan, seed, label) in enumerate(
        (scan, seed, label) for scan in "ab" for seed in (3, 5) for label in (1, 4)
    )
][:-1]  # the last is absent


def test_scores_find_their_place_on_the_axes():
    axes = find_axes(CASES[::-1])
    assert (axes.scans, axes.seeds, axes.labels) == (("a", "b"), (3, 5), (1, 4))
    assert (axes.subjects, axes.domains) == (("A", "B"), ("ge", "ge"))
    scores = gather_scores(CASES, axes)
    np.testing.assert_array_equal(scores.dice[0, 0], [[0, 2], [4, 6]])
    np.testing.assert_array_equal(scores.dice[0, 1], [[1, 3], [5, np.nan]])
    np.testing.assert_array_equal(scores.dice[0, 2], [[0.5, 2.5], [4.5, 6]])
    assert not scores.seen[0, 1, 1, 1]
    assert scores.failed[0, :, 0, 0].tolist() == [True, False, True]


def test_every_declared_metric_has_an_array():
    scores = gather_scores(CASES, find_axes(CASES))
    assert list(scores.metrics) == list(METRICS)
    for values in scores.metrics.values():
        np.testing.assert_array_equal(values, scores.dice)


def test_what_was_not_scored_has_a_place_and_no_number():
    scores = gather_scores([case("a", 3, 1, None)], find_axes(CASES))
    assert scores.seen[0, 0, 0, 0]
    assert np.isnan(scores.dice).all()


def test_no_cases_are_arrays_of_nothing():
    scores = gather_scores([], find_axes(CASES))
    assert not scores.seen.any()
    assert np.isnan(scores.dice).all()


def test_the_same_seed_draws_the_same_replicates():
    axes = find_axes(CASES)
    one, other = replicate_study(axes, 50, 7), replicate_study(axes, 50, 7)
    np.testing.assert_array_equal(one.scans, other.scans)
    np.testing.assert_array_equal(one.seeds, other.seeds)
    assert (one.seeds != replicate_study(axes, 50, 8).seeds).any()
