"""Means, gaps and counts, by hand."""

import numpy as np
import pytest

from medinorm.files.tables import read_table
from medinorm.records.verdict import read_verdict

BATCH, GROUP = (("zscore", norm, "flip", "none") for norm in ("batch", "group"))
UNEVEN = {"ge": 2, "philips": 4, "siemens": 8}


def read(evidence, name, **wanted):
    rows = read_table(evidence / f"{name}.tsv")
    return [row for row in rows if all(row[k] == v for k, v in wanted.items())]


def by_hand(rows, split_of, column="dice"):
    """Mean over labels, then seeds and scans, then domains."""
    scans = {}
    for row in rows:
        domain = row["scan"].rstrip("0123456789")
        if row["split"] == split_of(domain) and row.get(column) is not None:
            key = domain, row["scan"], row["seed"]
            scans.setdefault(key, []).append(row[column])
    domains = {}
    for (domain, *_), values in scans.items():
        domains.setdefault(domain, []).append(np.mean(values))
    return {domain: np.mean(values) for domain, values in domains.items()}


@pytest.fixture
def uneven(comparison):
    """Domains of unlike size, random scores."""
    rng = np.random.default_rng(8)
    study = comparison(UNEVEN)
    for variant in (BATCH, GROUP):
        study.add(variant, lambda *_: rng.uniform(0.2, 0.9))
    return study


def rows_of(study, norm):
    return [row for row in study.rows if row["norm"] == norm]


def test_domains_weigh_equally_whatever_their_size(uneven):
    rows = {row["norm"]: row for row in read(uneven.compare(), "summary")}
    for norm, row in rows.items():
        mine = rows_of(uneven, norm)
        for name, split_of in (
            ("out_domain", "lodo-{}".format),
            ("in_domain", lambda _: "pooled"),
        ):
            expected = np.mean([*by_hand(mine, split_of).values()])
            assert float(row[name]) == pytest.approx(expected, abs=1e-8)
        for name in ("nsd", "hd95"):
            expected = np.mean([*by_hand(mine, "lodo-{}".format, name).values()])
            assert float(row[name]) == pytest.approx(expected, abs=1e-7)


def test_the_gap_is_pooled_minus_left_out_on_the_same_scans(uneven):
    evidence = uneven.compare()
    (summary,) = read(evidence, "summary", norm="batch")
    mine = rows_of(uneven, "batch")
    pooled, lodo = by_hand(mine, lambda _: "pooled"), by_hand(mine, "lodo-{}".format)
    rows = read(evidence, "gaps", norm="batch")
    for row in rows:
        expected = pooled[row["domain"]] - lodo[row["domain"]]
        assert float(row["gap"]) == pytest.approx(expected, abs=1e-8)
        assert float(row["gap_low"]) < expected < float(row["gap_high"])
        assert int(row["scans"]) == int(row["subjects"]) == UNEVEN[row["domain"]]
    gaps = [float(row["gap"]) for row in rows]
    assert float(summary["gap"]) == pytest.approx(np.mean(gaps), abs=1e-8)


def test_the_gap_ignores_scans_that_only_one_of_the_designs_has(uneven):
    uneven.rows = [
        row
        for row in uneven.rows
        if not (row["split"] == "pooled" and row["scan"] == "ge0")
    ]
    (row,) = read(uneven.compare(), "gaps", norm="batch", domain="ge")
    kept = [row for row in rows_of(uneven, "batch") if row["scan"] == "ge1"]
    lodo = by_hand(kept, "lodo-{}".format)["ge"]
    assert row["scans"] == "1"
    assert float(row["lodo"]) == pytest.approx(lodo, abs=1e-8)
    assert row["gap_low"] == ""  # one subject: no interval


def test_what_a_further_domain_may_bring(comparison):
    """Domains that lie far apart, beside which subjects and seeds are nothing."""
    rng = np.random.default_rng(8)
    levels = {"ge": 0.70, "philips": 0.72, "siemens": 0.77}
    study = comparison(UNEVEN)
    study.add(BATCH, lambda case: levels[case.domain] + 0.002 * rng.normal())
    (row,) = read(study.compare(), "summary", norm="batch")
    means = by_hand(rows_of(study, "batch"), "lodo-{}".format)
    centre, deviation = np.mean([*means.values()]), np.std([*means.values()], ddof=1)
    assert float(row["new_factor"]) == pytest.approx(4.968275, rel=1e-6)
    assert float(row["domain_sd"]) == pytest.approx(deviation, abs=1e-8)
    low, high = centre - 4.968275 * deviation, centre + 4.968275 * deviation
    assert float(row["new_low"]) == pytest.approx(max(low, 0), abs=1e-6)
    assert float(row["new_high"]) == pytest.approx(min(high, 1), abs=1e-6)
    worst = min(means, key=means.get)
    assert row["worst_domain"] == worst
    assert float(row["worst_dice"]) == pytest.approx(means[worst], abs=1e-8)


def test_the_next_domain_is_never_more_certain_than_the_mean(uneven):
    """Domains that agree by chance, subjects that do not."""
    for row in read(uneven.compare(), "summary"):
        assert float(row["new_low"]) < float(row["out_domain_low"])
        assert float(row["new_high"]) > float(row["out_domain_high"])


def test_intervals_of_a_share_stay_between_0_and_1(comparison):
    rng = np.random.default_rng(0)
    study = comparison({"ge": 2, "philips": 2})
    study.add(BATCH, lambda case: rng.choice([0.1, 1.0 if "ge" in case.scan else 0.0]))
    (row,) = read(study.compare(), "summary")
    assert (float(row["new_low"]), float(row["new_high"])) == (0, 1)
    for name in ("in_domain", "out_domain"):
        assert 0 <= float(row[f"{name}_low"]) < float(row[f"{name}_high"]) <= 1


def test_misses_count_as_zero_and_as_failures(comparison):
    def dice(case):
        if case.scan == "ge0" and case.seed == 0:
            return None  # no prediction
        return 0.0 if (case.scan, case.label, case.seed) == ("ge1", 2, 1) else 0.8

    study = comparison({"ge": 2, "philips": 2})
    study.add(BATCH, dice)
    evidence = study.compare()
    (row,) = read(evidence, "summary")
    # ge: 12 scores of 0.8, less two and one
    assert float(row["worst_dice"]) == pytest.approx(0.8 * 9 / 12)
    assert (row["worst_domain"], row["failures"], row["empty"]) == ("ge", "2", "0")
    domain = {"design": "lodo", "domain": "ge", "in_domain": "no"}
    counts = {
        row["label"]: row["failures"] for row in read(evidence, "domains", **domain)
    }
    assert counts == {"1": "1", "2": "2", "mean": "2"}


def test_what_is_in_neither_map_is_left_out_and_counted(comparison):
    def dice(case):
        absent = case.label == 2 and case.scan == "ge0"
        return np.nan if absent else 0.5 + 0.1 * case.label

    study = comparison({"ge": 2, "philips": 2})
    study.add(BATCH, dice)
    rows = {
        row["label"]: row
        for row in read(study.compare(), "domains", train_set="lodo-ge", domain="ge")
    }
    assert (rows["2"]["empty"], rows["2"]["failures"]) == ("3", "0")
    assert float(rows["2"]["dice"]) == pytest.approx(0.7)
    # By class first: label 2 counts as much as label 1, though it occurs in one scan.
    assert float(rows["mean"]["dice"]) == pytest.approx((0.6 + 0.7) / 2)
    assert rows["mean"]["empty"] == "0"
    occurs = [rows[name]["occurs"] for name in ("1", "2", "mean")]
    assert occurs == ["2", "1", "2"]


def test_every_training_set_meets_every_domain(comparison):
    def dice(case):
        return 0.9 if case.split == f"single-{case.domain}" else 0.3

    study = comparison({"ge": 2, "philips": 3})
    study.add(BATCH, dice, designs=("single",))
    evidence = study.compare(("single",))
    rows = read(evidence, "domains", label="mean")
    found = {
        (row["train_set"], row["domain"]): (float(row["dice"]), row["in_domain"])
        for row in rows
    }
    assert found == {
        ("single-ge", "ge"): (0.9, "yes"),
        ("single-ge", "philips"): (0.3, "no"),
        ("single-philips", "ge"): (0.3, "no"),
        ("single-philips", "philips"): (0.9, "yes"),
    }
    (row,) = read(evidence, "summary")
    assert (row["in_domain"], row["out_domain"], row["gap"]) == ("", "", "")
    assert read(evidence, "gaps") == read(evidence, "differences") == []


def test_the_gap_starts_from_the_size_matched_networks_if_they_were_run(comparison):
    designs = ("lodo", "pooled", "size_matched")
    study = comparison()
    levels = {"lodo": 0.6, "pooled": 0.9, "size_matched": 0.8}
    for place, variant in enumerate((BATCH, GROUP)):
        study.add(
            variant,
            lambda case, place=place: levels[case.design] - 0.1 * place,
            designs=designs,
        )
    evidence = study.compare(designs)
    (row,) = read(evidence, "summary", norm="batch")
    assert float(row["in_domain"]) == pytest.approx(0.8)
    assert float(row["gap"]) == pytest.approx(0.2)
    rows = read(evidence, "gaps", norm="batch")
    assert len(rows) == 3
    for row in rows:
        assert float(row["pooled"]) == pytest.approx(0.8)
        assert float(row["gap"]) == pytest.approx(0.2)
    said = " ".join(read_verdict(evidence / "verdict.json").sentences)
    assert "had trained on equally many scans, among them other subjects of" in said
    assert "; not having seen the scanner cost 0.200" in said


def test_without_them_the_verdict_names_both_causes(comparison):
    study = comparison()
    study.fill()
    said = " ".join(read_verdict(study.compare() / "verdict.json").sentences)
    assert "; training on fewer scans and not having seen the scanner cost" in said
