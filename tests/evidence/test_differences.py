"""Planted differences are found, absent ones are not, and nothing is ranked rashly."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from medinorm.evidence.differences import judge
from medinorm.files.tables import read_table
from tests.evidence.planted import noisy

BATCH, GROUP, LAYER = (
    ("zscore", norm, "flip", "none") for norm in ("batch", "group", "layer")
)


def read(evidence, name):
    return read_table(evidence / f"{name}.tsv")


def test_a_planted_difference_is_found(comparison):
    study = comparison(seeds=range(5))
    study.add(BATCH, noisy(0.60, 1))
    study.add(GROUP, noisy(0.80, 2))
    evidence = study.compare()
    (row,) = read(evidence, "differences")
    assert (row["norm"], row["other_norm"]) == ("batch", "group")
    assert row["verdict"] == "worse"
    assert float(row["difference_low"]) < -0.2 < float(row["difference_high"])
    first, second = read(evidence, "ranking")
    assert (first["norm"], float(first["probability_best"])) == ("group", 1.0)
    assert (second["rank_low"], second["rank_high"]) == ("2", "2")


def test_variants_that_do_not_differ_are_rarely_told_apart(comparison):
    found = 0
    for number in range(10):
        study = comparison()
        for place, variant in enumerate((BATCH, GROUP, LAYER)):
            study.add(variant, noisy(0.8, 100 * number + place), (1,), ("lodo",))
        rows = read(study.compare(("lodo",), resamples=100), "differences")
        verdicts = {row["verdict"] for row in rows}
        found += bool(verdicts & {"better", "worse"})
    assert found <= 2  # at most one family in twenty errs: expected is half of one


def test_the_same_scores_are_equivalent(comparison):
    study = comparison()
    for variant in (BATCH, GROUP):
        study.add(variant, noisy(0.8, 1))
    evidence = study.compare()
    (row,) = read(evidence, "differences")
    assert row["verdict"] == "equivalent"
    assert (float(row["difference"]), row["p"]) == (0, "1")
    chances = [row["probability_best"] for row in read(evidence, "ranking")]
    assert chances == ["0.5", "0.5"]


def test_differences_are_taken_on_the_scans_both_have(comparison):
    """A variant that was spared the hard scans is not better for it."""

    def dice(case):
        return 0.3 if case.scan.endswith("0") else 0.9

    study = comparison()
    study.add(BATCH, dice)
    study.add(GROUP, dice)
    study.rows = [
        row
        for row in study.rows
        if row["norm"] == "batch" or not row["scan"].endswith("0")
    ]
    evidence = study.compare()
    (row,) = read(evidence, "differences")
    assert (float(row["difference"]), row["scans"]) == (0, "15")
    batch, group = (float(row["out_domain"]) for row in read(evidence, "summary"))
    assert batch < group
    assert read(evidence, "ranking") == []  # only one of them has all scans


def test_a_scan_effect_shared_by_both_does_not_widen_their_difference(comparison):
    rng = np.random.default_rng(0)
    hard = {}

    def shared(plus):
        def dice(case):
            ease = hard.setdefault(case.scan, 0.1 * rng.normal())
            return 0.5 + ease + plus + 0.001 * (case.seed + case.label)

        return dice

    study = comparison()
    study.add(BATCH, shared(0.0))
    study.add(GROUP, shared(0.05))
    evidence = study.compare()
    (difference,) = read(evidence, "differences")
    row = read(evidence, "summary")[0]
    width = float(row["out_domain_high"]) - float(row["out_domain_low"])
    paired = float(difference["difference_high"]) - float(difference["difference_low"])
    assert paired < width / 100
    assert difference["verdict"] == "worse"


def test_holm_by_hand(comparison):
    study = comparison(seeds=range(4))
    for place, variant in enumerate((BATCH, GROUP, LAYER)):
        study.add(variant, noisy(0.8 + 0.01 * place, place))
    evidence = study.compare()
    rows = read(evidence, "differences")
    raw = sorted(float(row["p"]) for row in rows)
    by_hand = np.maximum.accumulate(np.minimum(1, np.array([3, 2, 1]) * raw))
    found = sorted(float(row["p_holm"]) for row in rows)
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)  # one family of all pairs
    # The textbook example: 0.01, 0.04, 0.03 become 0.03, 0.06, 0.06.
    corrected = multipletests([0.01, 0.04, 0.03], method="holm")[1]
    np.testing.assert_allclose(corrected, [0.03, 0.06, 0.06])


@pytest.mark.parametrize(
    ("interval", "p", "verdict"),
    [
        ((0.02, 0.08), 0.001, "better"),
        ((-0.08, -0.02), 0.001, "worse"),
        ((0.02, 0.08), 0.2, "undecided"),  # not after the correction
        ((0.005, 0.08), 0.001, "undecided"),  # may be too small to matter
        ((0.002, 0.008), 0.001, "equivalent"),  # real, and too small to matter
        ((-0.05, 0.05), 0.9, "undecided"),
        ((np.nan, np.nan), np.nan, "undecided"),
    ],
)
def test_verdicts(interval, p, verdict):
    assert judge(interval, p, 0.01, 0.05) == verdict


def test_many_variants_are_compared_where_they_differ_in_one_respect(comparison):
    study = comparison({"ge": 2, "philips": 2, "siemens": 2})
    norms = [f"n{number:02}" for number in range(7)]
    for intensity in ("percentile", "zscore"):
        for place, norm in enumerate(norms):
            study.add(
                (intensity, norm, "flip", "none"),
                noisy(0.5 + 0.05 * place, place),
                (1,),
            )
    evidence = study.compare(resamples=100)
    rows = read(evidence, "differences")
    pairs = {
        frozenset((row[p + "intensity"], row[p + "norm"]) for p in ("", "other_"))
        for row in rows
    }
    top = read(evidence, "ranking")[0]
    best = (top["intensity"], top["norm"])
    # within two intensities, within seven norms, and the best with the six left
    assert len(pairs) == len(rows) == 2 * 21 + 7 + 6
    assert sum(best in pair for pair in pairs) == 13


def test_a_subject_on_all_scanners_settles_nothing_alone(comparison):
    """Subjects ge0, philips0, siemens0, and one who was on all."""
    study = comparison({"ge": 2, "philips": 2, "siemens": 2})
    study.subject_of = lambda scan: "all" if scan.endswith("1") else scan
    plus = {"ge0": -0.09, "ge1": 0.01, "philips0": 0.02, "philips1": -0.05}
    plus |= {"siemens0": -0.03, "siemens1": -0.025}
    study.add(BATCH, lambda case: 0.7)  # noqa: ARG005
    study.add(GROUP, lambda case: 0.7 - plus[case.scan])
    evidence = study.compare()
    (row,) = read(evidence, "differences")
    assert float(row["difference"]) == pytest.approx(-0.0275)
    assert float(row["difference_low"]) < 0 < float(row["difference_high"])
    assert float(row["p"]) > 0.05
    assert row["verdict"] == "undecided"
    chances = [float(row["probability_best"]) for row in read(evidence, "ranking")]
    assert sum(chances) == pytest.approx(1)  # of resamples that have all scanners
