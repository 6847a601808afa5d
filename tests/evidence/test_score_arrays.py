"""Scores lie on shared axes; what is not there is not-a-number."""

import numpy as np
import pytest

from medinorm.columns.cases import Cases
from medinorm.evidence.score_arrays import (
    find_axes,
    find_axes_of_scans,
    gather_scores,
    mean_over_labels,
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


ROWS = [
    case(scan, seed, label, float(dice))
    for dice, (scan, seed, label) in enumerate(
        (scan, seed, label) for scan in "ab" for seed in (3, 5) for label in (1, 4)
    )
][:-1]  # the last is absent
CASES = Cases.of(ROWS)


def test_scores_find_their_place_on_the_axes():
    axes = find_axes(Cases.of(ROWS[::-1]))
    assert (axes.scans, axes.seeds, axes.labels) == (("a", "b"), (3, 5), (1, 4))
    assert (axes.subjects, axes.domains) == (("A", "B"), ("ge", "ge"))
    scores = gather_scores(CASES, axes)
    np.testing.assert_array_equal(scores.dice[0, 0], [[0, 2], [4, 6]])
    np.testing.assert_array_equal(scores.dice[0, 1], [[1, 3], [5, np.nan]])
    # By class first: both labels have the mean 3, so that of all is 3, not 3.375.
    assert scores.dice[0, 2].mean() == pytest.approx(3)
    assert not scores.seen[0, 1, 1, 1]
    assert scores.failed[0, :, 0, 0].tolist() == [True, False, True]


def test_axes_of_some_scans_keep_all_else():
    axes = find_axes(CASES)
    own = find_axes_of_scans(Cases.of(ROWS[4:]), axes)
    assert (own.scans, own.subjects, own.domains) == (("b",), ("B",), ("ge",))
    assert (own.variants, own.labels, own.seeds) == (
        *(axes.variants, axes.labels, axes.seeds),
    )
    few, all_scans = (gather_scores(Cases.of(ROWS[4:]), one) for one in (own, axes))
    np.testing.assert_array_equal(few.dice, all_scans.dice[:, :, 1:])


def test_every_declared_metric_has_an_array():
    scores = gather_scores(CASES, find_axes(CASES))
    assert list(scores.metrics) == list(METRICS)
    for values in scores.metrics.values():
        np.testing.assert_array_equal(values, scores.dice)


def test_what_was_not_scored_has_a_place_and_no_number():
    scores = gather_scores(Cases.of([case("a", 3, 1, None)]), find_axes(CASES))
    assert scores.seen[0, 0, 0, 0]
    assert np.isnan(scores.dice).all()


def test_where_all_scans_have_all_labels_the_mean_is_that_of_each_scan():
    values = np.random.default_rng(0).random((2, 3, 5, 4))
    found = mean_over_labels(values, [np.array([0, 3]), np.array([1, 2, 4])])
    np.testing.assert_array_equal(found, values.mean(axis=1))


def test_a_rare_label_is_not_drowned():
    """Label 0 in 20 scans, label 1 in two of them: each has half of the mean."""
    values = np.full((2, 20, 3), np.nan)
    values[0] = 0.9
    values[1, :2] = 0.1
    (members,) = [np.arange(20)]
    found = mean_over_labels(values, [members])
    # Scans of one label do not differ, so nothing varies. The mean of scans is 0.86.
    np.testing.assert_allclose(found, 0.5)


def test_contributions_have_the_mean_by_class_on_each_domain():
    rng = np.random.default_rng(1)
    values = rng.random((3, 4, 12, 5))
    values[rng.random(values.shape) < 0.3] = np.nan
    values[1, 2, :6] = np.nan  # a label that does not occur on a domain
    values[:, :, 4, 2] = np.nan  # a prediction without any label
    members = [np.arange(6), np.arange(6, 12)]
    found = mean_over_labels(values, members)
    assert np.isnan(found[:, 4, 2]).all()
    for scans in members:
        by_label = np.array(
            [
                [np.nanmean(x) if np.isfinite(x).any() else np.nan for x in variant]
                for variant in values[:, :, scans]
            ]
        )
        expected = np.nanmean(by_label, axis=1)
        np.testing.assert_allclose(np.nanmean(found[:, scans], (1, 2)), expected)


def test_no_cases_are_arrays_of_nothing():
    scores = gather_scores(CASES[:0], find_axes(CASES))
    assert not scores.seen.any()
    assert np.isnan(scores.dice).all()


def test_the_same_seed_draws_the_same_replicates():
    axes = find_axes(CASES)
    one, other = replicate_study(axes, 50, 7), replicate_study(axes, 50, 7)
    np.testing.assert_array_equal(one.scans, other.scans)
    np.testing.assert_array_equal(one.seeds, other.seeds)
    assert (one.seeds != replicate_study(axes, 50, 8).seeds).any()
