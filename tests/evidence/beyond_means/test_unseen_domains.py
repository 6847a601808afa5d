"""Each variant on each unseen domain."""

import numpy as np
import pytest
from scipy import stats

from medinorm.evidence.beyond_means.unseen_domains import bound_share
from medinorm.files.tables import read_table

BATCH, GROUP = (("zscore", norm, "flip", "none") for norm in ("batch", "group"))
# Group has the higher mean (0.8 against 0.7), and loses on ge.
MEANS = {
    "batch": {"ge": 0.75, "philips": 0.7, "siemens": 0.65},
    "group": {"ge": 0.6, "philips": 0.9, "siemens": 0.9},
}


@pytest.fixture
def study(comparison):
    study = comparison({"ge": 4, "philips": 3, "siemens": 5})
    for variant in (BATCH, GROUP):

        def dice(case, means=MEANS[variant[1]]):
            away = (int(case.scan[-1]) + case.seed) % 3 * 0.1 - 0.1
            return means[case.domain] + away * (case.label == 1)

        study.add(variant, dice)
    return study


def read(study, name="unseen_domains"):
    rows = read_table(study.compare(resamples=200) / f"{name}.tsv")
    return {(row["norm"], row["domain"]): row for row in rows}


def test_a_winner_that_loses_on_one_domain_is_not_hidden(study):
    rows = read(study)
    assert {key: row["rank"] for key, row in rows.items()} == {
        ("batch", "ge"): "1",
        ("group", "ge"): "2",
        **{("batch", name): "2" for name in ("philips", "siemens")},
        **{("group", name): "1" for name in ("philips", "siemens")},
    }
    assert {key for key, row in rows.items() if row["worst"] == "yes"} == {
        ("batch", "siemens"),
        ("group", "ge"),
    }
    row = rows["group", "ge"]
    assert float(row["dice"]) == pytest.approx(0.6)
    assert float(row["dice_low"]) < 0.6 < float(row["dice_high"])
    assert (row["scans"], row["subjects"], row["seeds"]) == ("4", "4", "3")
    assert row["ranked"] == "2"


def test_how_often_dice_is_low_is_counted_by_scan(study):
    """The mean of both labels is 0.55, 0.6 or 0.65 on ge; none is below 0.5."""
    assert float(read(study)["group", "ge"]["below"]) == 0
    for row in study.rows:
        if row["norm"] == "group" and row["scan"] == "ge0" and row["label"] == 1:
            row["dice"] = 0.2  # both labels: 0.4
    rows = read(study)
    assert float(rows["group", "ge"]["below"]) == pytest.approx(1 / 4)
    assert float(rows["group", "ge"]["below_low"]) < 1 / 4
    assert 0.6 < float(rows["group", "ge"]["below_high"]) < 0.9  # four subjects
    assert float(rows["batch", "ge"]["below"]) == 0
    # Four subjects without such a Dice do not rule it out.
    limit = 1 - 0.025 ** (1 / 4)
    assert float(rows["batch", "ge"]["below_high"]) == pytest.approx(limit)
    assert rows["batch", "ge"]["threshold"] == "0.5"


def test_nothing_has_a_rank_where_nothing_is_ranked(study):
    study.rows = [row for row in study.rows if row["seed"] < 2]
    assert {row["rank"] for row in read(study).values()} == {""}


def test_a_share_of_independent_predictions_has_the_exact_interval():
    """One seed: as many predictions as subjects, and the binomial's standard error."""
    n, hits = 40, 9
    p = hits / n
    found = bound_share((p, np.sqrt(p * (1 - p) / n), n - 1), n, 0.95)
    exact = stats.binomtest(hits, n).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))


def test_shares_that_are_related_have_wider_ones():
    narrow = bound_share((0.25, 0.07, 39), 40, 0.95)
    wide = bound_share((0.25, 0.14, 39), 40, 0.95)
    assert wide.low < narrow.low < 0.25 < narrow.high < wide.high
    assert bound_share((np.nan, np.nan, np.nan), 40, 0.95) == (None, None, None)
    assert bound_share((1.0, 0.0, np.inf), 5, 0.95).high == 1.0


def test_the_worst_domain_has_an_interval_corrected_for_its_choice(study):
    evidence = study.compare(resamples=200)
    rows, worst = (
        {(row["norm"], row["domain"]): row for row in read_table(evidence / name)}
        for name in ("unseen_domains.tsv", "worst_domains.tsv")
    )
    row, same = worst["group", "ge"], rows["group", "ge"]
    assert row["dice"] == same["dice"]
    assert float(row["dice_low"]) == pytest.approx(float(same["dice_low"]), abs=1e-6)
    assert float(row["dice_high"]) > float(same["dice_high"])


def test_a_variant_that_lacks_a_domain_has_no_worst_one(study):
    study.rows = [
        row
        for row in study.rows
        if (row["norm"], row["split"]) != ("group", "lodo-philips")
    ]
    assert set(read(study, "worst_domains")) == {("batch", "siemens")}
    assert ("group", "philips") not in read(study)


def test_the_interval_of_the_worst_domain_holds_the_true_worst():
    """Three equal domains: the lowest of three means, of ten subjects each."""
    rng = np.random.default_rng(0)
    n, domains, held = 10, 3, 0
    for _ in range(2000):
        values = rng.normal(0, 1, (domains, n))
        means, se = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(n)
        low = means - stats.t.isf(0.025, n - 1) * se
        high = means + stats.t.isf(0.025 / domains, n - 1) * se
        held += low.min() <= 0 <= high.min()
    assert 0.92 < held / 2000 < 0.99


def test_each_label_has_an_interval_over_domains(study):
    rows = read_table(study.compare(resamples=200) / "unseen_labels.tsv")
    by_label = {(row["norm"], row["label"]): row for row in rows}
    assert len(by_label) == 4
    flat = by_label["group", "2"]
    assert float(flat["dice"]) == pytest.approx(0.8)
    assert flat["dice_low"] == flat["dice_high"] == flat["dice"]
    varied = by_label["group", "1"]
    assert float(varied["dice_low"]) < float(varied["dice"])
