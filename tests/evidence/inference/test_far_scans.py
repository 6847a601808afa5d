"""Scans far below the others are found, and counted in the verdict."""

import numpy as np
import pytest

from medinorm.evidence.inference.far_scans import leave_far_out
from medinorm.files.records import read_records
from medinorm.records.evidence import SummaryRow
from medinorm.records.verdict import read_verdict

NAN = np.nan


def test_a_scan_far_below_its_own_domain_is_left_out():
    dice = np.array([[0.9], [0.91], [0.88], [0.5], [0.51], [0.49], [0.1]])
    far = leave_far_out(dice, [np.arange(3), np.arange(3, 7)])
    # The second domain is low as a whole: only its last scan is far from the others.
    assert far.scans == 1
    assert far.dice == pytest.approx((0.8966667 + 0.5) / 2)


def test_ordinary_scans_are_not_far():
    rng = np.random.default_rng(0)
    found = [leave_far_out(rng.normal(0.8, 0.05, (18, 3)), [np.arange(18)]).scans]
    assert max(found) == 0


@pytest.mark.parametrize("dice", [np.full((4, 2), 0.7), np.full((4, 2), NAN)])
def test_equal_scores_and_none_at_all_are_not_far(dice):
    far = leave_far_out(dice, [np.arange(4)])
    assert far.scans == 0
    assert np.isnan(far.dice)


def test_rounding_is_not_far():
    dice = np.full((6, 1), 0.3)
    dice[0] -= 1e-16
    assert leave_far_out(dice, [np.arange(6)]).scans == 0


@pytest.mark.parametrize(
    ("hard", "said"), [(0, False), (1, True), (3, True), (6, False)]
)
def test_the_verdict_names_how_many_scans_the_mean_hangs_on(comparison, hard, said):
    study = comparison()
    rng = np.random.default_rng(3)
    for norm, mean in (("batch", 0.7), ("group", 0.8)):

        def dice(case, mean=mean):
            low = int(case.scan[-1]) * 3 + "gps".index(case.domain[0]) < hard
            return mean - 0.5 * low + 0.02 * rng.normal()

        study.add(("zscore", norm, "flip", "none"), dice)
    evidence = study.compare()
    text = " ".join(read_verdict(evidence / "verdict.json").sentences)
    summary = read_records(evidence / "summary.tsv", SummaryRow)[1]
    assert summary.far_scans == hard
    assert (summary.without_far is None) is (hard == 0)
    assert ("Few scans weigh heavily in the mean of zscore + group" in text) is said
    if said:
        lie = "1 of 18 lies" if hard == 1 else f"{hard} of 18 lie"
        assert f"{lie} far below the others of the same scanner" in text
        assert f"would be {summary.without_far:.3f} instead of" in text
