"""Ranks by several metrics and rules, and how well they agree."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from medinorm.evidence.beyond_means.ranks import (
    measure_agreement,
    rank_cases,
    rank_highest_first,
    reject_by_holm,
)
from medinorm.files.tables import read_table

NORMS = ("batch", "group", "layer")
RULES = {"mean_then_rank", "rank_then_mean", "test_based"}


def read(study, name):
    evidence = study.folder / "evidence"
    if not evidence.exists():
        study.compare(resamples=300)
    return read_table(evidence / f"{name}.tsv")


def by_rule(rows, metric="dice"):
    ranks = {}
    for row in rows:
        if row["metric"] == metric:
            ranks.setdefault(row["rule"], {})[row["norm"]] = int(row["rank"])
    return ranks


@pytest.fixture
def fill(comparison):
    """Out-of-domain Dice by norm and scan."""

    def make(dice, count=4, norms=NORMS):
        study = comparison({"ge": count, "philips": count, "siemens": count})
        for norm in norms:
            study.add(
                ("zscore", norm, "flip", "none"),
                lambda case, norm=norm: dice(norm, int(case.scan[-1]), case.seed),
                (1,),
            )
        return study

    return make


def test_clear_differences_have_one_order_by_all_rules(fill):
    means = {"batch": 0.5, "group": 0.8, "layer": 0.65}
    study = fill(lambda norm, scan, seed: means[norm] + 0.01 * scan - 0.01 * seed)
    rows = read(study, "ranks")
    expected = {"group": 1, "layer": 2, "batch": 3}
    for metric in ("dice", "nsd", "hd95"):
        assert by_rule(rows, metric) == dict.fromkeys(RULES, expected)
    first = {row["first"] for row in rows if row["norm"] == "group"}
    assert first == {"1", ""}  # the rule with tests is not resampled
    agreement = read(study, "rank_agreement")
    assert {float(row["tau"]) for row in agreement} == {1.0}
    assert len(agreement) == 6 + 9 * 8 // 2


def test_one_very_low_scan_moves_the_mean_and_no_rank_on_a_scan(fill):
    """Group is better on five of six scans and fails on the last."""

    def dice(norm, scan, _):
        if norm == "group":
            return 0.8 if scan < 5 else 0.0
        return {"batch": 0.7, "layer": 0.3}[norm]

    study = fill(dice, 6)
    ranks = by_rule(read(study, "ranks"))
    assert ranks["mean_then_rank"] == {"batch": 1, "group": 2, "layer": 3}
    assert ranks["rank_then_mean"] == {"batch": 2, "group": 1, "layer": 3}
    values = {
        row["norm"]: float(row["value"])
        for row in read(study, "ranks")
        if (row["metric"], row["rule"]) == ("dice", "rank_then_mean")
    }
    assert values == pytest.approx(
        {"batch": (5 * 2 + 1) / 6, "group": (5 * 1 + 3) / 6, "layer": (5 * 3 + 2) / 6}
    )


def test_equal_variants_share_a_rank_where_nothing_is_significant(fill):
    study = fill(lambda norm, scan, _: 0.7 + 0.001 * ((scan * 7 + len(norm) * 3) % 5))
    ranks = by_rule(read(study, "ranks"))
    assert set(ranks["test_based"].values()) == {1}
    # Where all are equal there is no order to agree with.
    tests = [r for r in read(study, "rank_agreement") if r["rule"] == "test_based"]
    assert {row["tau"] for row in tests} == {""}


def test_probabilities_of_ranks_add_up(fill):
    rng = np.random.default_rng(0)
    noise = {}

    def dice(norm, scan, seed):
        return 0.7 + 0.05 * noise.setdefault((norm, scan, seed), rng.normal())

    study = fill(dice)
    rows = read(study, "rank_probabilities")
    assert len(rows) == 3 * 2 * 3 * 3  # metrics, rules, variants, ranks
    of_variant = {}
    for row in rows:
        key = row["metric"], row["rule"], row["norm"]
        of_variant[key] = of_variant.get(key, 0) + float(row["probability"])
    assert list(of_variant.values()) == pytest.approx([1.0] * len(of_variant))
    unstable = read(study, "rank_agreement")[0]
    assert float(unstable["tau_low"]) < float(unstable["tau"]) < 1
    for row in read(study, "ranks"):
        if row["first"]:
            assert int(row["rank_low"]) <= int(row["rank"]) <= int(row["rank_high"])


def test_nothing_is_ranked_where_the_verdict_refuses(fill):
    study = fill(lambda norm, *_: 0.5 + 0.1 * len(norm))
    study.rows = [row for row in study.rows if row["seed"] < 2]
    names = ("ranks", "rank_probabilities", "rank_agreement")
    assert [read(study, name) for name in names] == [[], [], []]


def test_kendalls_tau_is_that_of_scipy():
    rng = np.random.default_rng(0)
    for _ in range(50):
        one, other = rng.integers(1, 4, (2, 6))
        expected = stats.kendalltau(one, other).statistic
        assert float(measure_agreement(one, other)) == pytest.approx(
            expected, nan_ok=True
        )
    several = rng.integers(1, 4, (6, 20))
    assert measure_agreement(np.arange(6)[:, np.newaxis], several).shape == (20,)


def test_ranks_are_those_of_scipy():
    values = np.random.default_rng(0).integers(0, 4, (7, 30)).astype(float)
    expected = stats.rankdata(-values, axis=0, method="min")
    np.testing.assert_array_equal(rank_highest_first(values), expected)


def test_holms_correction_is_that_of_statsmodels():
    rng = np.random.default_rng(0)
    for _ in range(5):
        p = rng.uniform(0, 0.04, 8) ** 2
        expected = multipletests(p, 0.0005, method="holm")[0]
        np.testing.assert_array_equal(reject_by_holm(p, 0.0005), expected)


@pytest.mark.parametrize("variants", [1, 2, 7])
def test_cases_are_ranked_as_scipy_ranks_them(variants):
    # Few distinct values: most cases have ties.
    scores = np.random.default_rng(0).integers(0, 4, (variants, 3, 5, 2)) / 4
    wanted = stats.rankdata(-scores, axis=0, method="average")
    np.testing.assert_array_equal(rank_cases(scores), wanted)
