"""The verdict says what the tables show, names the best, or refuses to rank."""

import pytest

from medinorm.evidence.verdict import Comparison
from medinorm.files.tables import read_table
from medinorm.records.evidence import DifferenceRow
from medinorm.records.verdict import read_verdict
from medinorm.variant import Variant

BATCH, GROUP = (Variant("zscore", norm, "flip", "none") for norm in ("batch", "group"))


def test_a_difference_is_found_whichever_way_the_table_has_it():
    row = DifferenceRow(
        *(BATCH, GROUP, 0.1, 0.05, 0.15, 0.02, 4.0, 0.01, 0.02, 0.06),
        *("better", 3, 4),
    )
    comparison = Comparison(summary=[], differences=[row], ranking=[])
    assert comparison.compare(BATCH, GROUP) == row
    assert comparison.compare(GROUP, BATCH) == row.reverse()
    assert comparison.compare(BATCH, BATCH) is None


def test_the_verdict_names_the_best_and_those_that_may_be_as_good(study, read_json):
    verdict = read_json(study.compare(failure=0.2) / "verdict.json")
    assert verdict["ranked"]
    assert verdict["reason"] == ""
    assert {best["norm"] for best in verdict["best"]} == {"instance", "group"}
    assert verdict["reference"]["name"] == "zscore + batch"
    counts = {name: verdict[name] for name in ("domains", "scans", "seeds")}
    assert counts == {"domains": 3, "scans": 18, "seeds": 4}
    assert (verdict["failures"], verdict["confidence"]) == (0, 0.95)
    assert 3 <= len(verdict["sentences"]) <= 6
    said = " ".join(verdict["sentences"])
    assert "3 held-out scanners, 18 scans and 4 seeds" in said
    assert "4.97 standard deviations" in said
    assert "With the usual norm, zscore + batch reached 0.4" in said
    assert "nan" not in said


def test_the_numbers_of_the_verdict_are_those_of_the_tables(study, read_json):
    evidence = study.compare()
    said = " ".join(read_json(evidence / "verdict.json")["sentences"])
    top = read_table(evidence / "ranking.tsv")[0]
    (row,) = [
        row
        for row in read_table(evidence / "summary.tsv")
        if row["norm"] == top["norm"]
    ]
    for name in ("out_domain", "out_domain_low", "out_domain_high", "gap", "in_domain"):
        assert f"{float(row[name]):.3f}" in said


DOMAINS = [(("export",), "export"), (("vendor", "model"), "domain")]


@pytest.mark.parametrize(("domain", "word"), [(("scanner",), "scanner"), *DOMAINS])
def test_the_verdict_calls_domains_what_they_are(study, read_json, domain, word):
    verdict = read_json(study.compare(domain=domain) / "verdict.json")
    said = " ".join(verdict["sentences"])
    assert verdict["domain"] == list(domain)
    assert f"On {word}s it had never seen, zscore + " in said
    assert f"over 3 held-out {word}s, 18 scans and 4 seeds." in said
    assert f"trained on other subjects of their {word} reached" in said
    assert f"not having seen the {word} cost" in said
    assert f"Its worst unseen {word} was " in said
    assert f"On one further {word} like these" in said
    assert f"the mean of 3 {word}s, plus or minus 4.97" in said
    assert ("scanner" in said) is (word == "scanner")


@pytest.mark.parametrize(("domain", "word"), [(("scanner",), "scanner"), *DOMAINS])
def test_so_do_verdicts_that_refuse(comparison, read_json, domain, word):
    study = comparison(seeds=range(2))
    study.fill()
    few = " ".join(
        read_json(study.compare(domain=domain) / "verdict.json")["sentences"]
    )
    assert f"On {word}s that the networks had not seen, mean Dice lay" in few
    assert f"On {word}s that the networks had trained on, mean Dice lay" in few
    assert f"18 test scans of 3 {word}s and 2 seeds" in few
    study.rows = [row for row in study.rows if row["split"] in ("pooled", "lodo-ge")]
    one = read_json(study.compare(domain=domain) / "verdict.json")["reason"]
    assert one == (
        f"only one {word} was held out; a statement about {word}s needs three: add "
        f"{word}s, or choose another split.domain"
    )
    assert ("scanner" in few + one) is (word == "scanner")


@pytest.mark.parametrize(("domain", "word"), DOMAINS)
def test_an_unknown_gap_is_one_of_the_domains(comparison, read_json, domain, word):
    study = comparison()
    study.fill(designs=("lodo",))
    verdict = read_json(study.compare(("lodo",), domain=domain) / "verdict.json")
    said = " ".join(verdict["sentences"])
    assert f"How much is lost on unseen {word}s is unknown" in said
    assert "scanner" not in said


def test_failures_are_said(study, read_json):
    for row in study.rows:
        if row["norm"] == "batch" and row["scan"] == "ge0" and row["seed"] == 0:
            row |= {"state": "missing", "dice": 0.0, "nsd": 0.0}
            del row["voxels_prediction"]
    verdict = read_json(study.compare(failure=0.0) / "verdict.json")
    assert verdict["failures"] == 4  # one in each split
    failed = f"4 of {verdict['predictions']} predictions failed"
    assert failed in verdict["sentences"][-1]


def test_external_scans_have_a_sentence_and_no_part_in_the_ranking(comparison):
    """They are 0.3 for the pooled networks; all other numbers stay."""
    evidences = []
    for external in ({}, {"x1": "external site", "x2": "external site"}):
        study = comparison()
        study.external = external
        for norm, mean in (("batch", 0.6), ("group", 0.7)):

            def dice(case, mean=mean):
                return 0.3 if case.domain.startswith("external") else mean

            study.add(("zscore", norm, "flip", "none"), dice)
        verdict = read_verdict(study.compare() / "verdict.json")
        said = [text for text in verdict.sentences if "external" in text]
        evidences.append((said, read_table(study.folder / "evidence/summary.tsv")))
    (before, alone), (after, together) = evidences
    assert before == []
    assert after == [
        "On 2 scans of 1 external scanner, which only tested, the pooled networks of "
        "zscore + group reached 0.300 (95% interval 0.300 to 0.300)."
    ]
    # The replicates are drawn anew, the means are the same.
    names = ("out_domain", "in_domain", "gap", "scans", "domains")
    shown = [[[row[n] for n in names] for row in rows] for rows in (alone, together)]
    assert shown[0] == shown[1]
