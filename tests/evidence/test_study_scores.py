"""What all tables are computed from: who was tested, and on what both have."""

import numpy as np

from medinorm.columns.cases import Cases
from medinorm.config import EvidenceConfig
from medinorm.domain_noun import DomainNoun
from medinorm.evidence.study_scores import (
    Counts,
    StudyScores,
    common_scans,
    count_cases,
    over_domains,
    pair_scores,
    present_domains,
)
from medinorm.records.evidence import CaseRow
from medinorm.records.metrics import METRICS
from medinorm.records.scores import ScoreRow
from medinorm.variant import Variant

BATCH, GROUP = (Variant("zscore", norm, "flip", "none") for norm in ("batch", "group"))
NAN = np.nan


def case(variant, scan, seed, dice, **changes):
    """A score on a domain that the network left out; the domain is in the name."""
    metrics = dict.fromkeys(METRICS, dice)
    state = "empty" if dice is None else "scored"
    return CaseRow(
        ScoreRow(variant, "lodo", seed, scan, 1, state, metrics, 10, 10),
        **{
            "design": "lodo",
            "fold": 0,
            "train_set": "lodo",
            "subject": scan,
            "domain": scan[0],
            "in_domain": False,
            "failure": "low" if dice == 0 else "none",
            **changes,
        },
    )


def study_of(cases):
    return StudyScores.of(
        Cases.of(cases), EvidenceConfig(resamples=100), DomainNoun("scanner")
    )


FULL = [
    case(variant, scan, seed, 0.5)
    for variant in (BATCH, GROUP)
    for scan in ("a1", "a2", "b1")
    for seed in (0, 1)
]


def test_a_seed_is_complete_if_every_scan_was_tested():
    assert study_of(FULL).complete_seeds().tolist() == [2, 2]
    assert study_of(FULL[1:]).complete_seeds().tolist() == [1, 2]


def test_designs_are_kept_apart():
    known = case(BATCH, "a1", 0, 0.9, design="pooled", in_domain=True)
    study = study_of([*FULL, known])
    assert study.held_out == [0, 1]
    assert present_domains(study.pooled) == [0]
    assert study.lodo.dice[0, 0, 0, 0] == 0.5
    assert study.pooled.dice[0, 0, 0, 0] == 0.9


def test_a_domain_without_a_score_was_not_held_out():
    cases = [c for c in FULL if c.domain == "a"] + [case(BATCH, "b1", 0, None)]
    assert study_of(cases).held_out == [0]


def test_failures_and_empty_labels_are_counted():
    cases = [case(BATCH, "a1", 0, 0.0), case(BATCH, "a1", 1, None)]
    study = study_of([*cases, case(BATCH, "a2", 0, 0.5)])
    found = count_cases(study.lodo, (0, 0), np.array([0, 1]))
    assert found == Counts(scans=2, seeds=2, failures=1, empty=1)


def test_only_scans_that_both_have_are_compared():
    one = np.array([[0.1, NAN], [0.2, 0.3], [NAN, NAN]])
    other = np.array([[0.5, 0.6], [NAN, NAN], [0.7, 0.7]])
    left, right = common_scans(one, other)
    np.testing.assert_array_equal(left, [[0.1, NAN], [NAN, NAN], [NAN, NAN]])
    np.testing.assert_array_equal(right, [[0.5, 0.6], [NAN, NAN], [NAN, NAN]])


def test_a_right_empty_answer_counts_against_a_false_structure():
    """Batch is right on two controls; group has a false structure on one of them."""
    cases = [case(v, "a1", seed, 0.6) for v in (BATCH, GROUP) for seed in (0, 1)]
    cases += [case(BATCH, scan, 0, None) for scan in ("a2", "a3")]
    cases += [case(GROUP, "a2", 0, 0.0), case(GROUP, "a3", 0, None)]
    lodo = study_of(cases).lodo
    batch, group = pair_scores(lodo, lodo, [0], [1])
    np.testing.assert_array_equal(batch[0], [[0.6, 0.6], [1, NAN], [NAN, NAN]])
    np.testing.assert_array_equal(group[0], [[0.6, 0.6], [0, NAN], [NAN, NAN]])
    # Their means stay as they are: what is right and empty has no Dice.
    np.testing.assert_array_equal(lodo.dice[0, -1, 1:], np.full((2, 2), NAN))


def test_pairs_have_the_same_labels_of_the_same_scans():
    """Group lacks a scan that batch has."""
    cases = [case(v, "a1", 0, dice) for v, dice in ((BATCH, 0.5), (GROUP, 0.7))]
    lodo = study_of([*cases, case(BATCH, "a2", 0, 0.9)]).lodo
    batch, group = pair_scores(lodo, lodo, [0, 1], [1, 0])
    np.testing.assert_array_equal(batch[:, :, 0], [[0.5, NAN], [0.7, NAN]])
    np.testing.assert_array_equal(group[:, :, 0], [[0.7, NAN], [0.5, NAN]])


def test_a_missing_domain_leaves_no_mean_over_domains():
    means = np.array([[0.2, 0.2], [0.4, NAN]])
    np.testing.assert_allclose(over_domains(means), [0.3, NAN])
    assert np.isnan(over_domains(np.empty((0, 2)))).all()
