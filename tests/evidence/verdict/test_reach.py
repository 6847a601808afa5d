"""The verdict says what the tables show, names the best, or refuses to rank."""

import re

import numpy as np
import pytest

from medinorm.files.tables import read_table
from medinorm.records.verdict import read_verdict
from medinorm.variant import Variant

BATCH, GROUP = (Variant("zscore", norm, "flip", "none") for norm in ("batch", "group"))


def test_the_verdict_names_the_best_and_those_that_may_be_as_good(study, read_json):
    verdict = read_json(study.compare(failure=0.2) / "verdict.json")
    assert verdict["ranked"]
    assert verdict["reason"] == ""
    assert {best["norm"] for best in verdict["best"]} == {"instance", "group"}
    assert verdict["reference"]["name"] == "zscore + batch"
    counts = {name: verdict[name] for name in ("domains", "scans", "seeds")}
    assert counts == {"domains": 3, "scans": 18, "seeds": 4}
    assert (verdict["failures"], verdict["confidence"]) == (0, 0.95)
    assert 3 <= len(verdict["sentences"]) <= 9
    said = " ".join(verdict["sentences"])
    assert "On these 3 scanners, which its networks had never seen, zscore + " in said
    assert "18 scans and 4 seeds" in said
    assert "With the usual norm, zscore + batch reached 0.4" in said
    assert "nan" not in said


def test_the_numbers_of_the_verdict_are_those_of_the_tables(study):
    evidence = study.compare()
    verdict = read_verdict(evidence / "verdict.json")
    assert len(verdict.numbers) >= 12
    for number in verdict.numbers:
        (row,) = (
            row
            for row in read_table(evidence / f"{number.table}.tsv")
            if all(row[column] == cell for column, cell in number.row.items())
        )
        assert number.shown in verdict.sentences[number.sentence]
        assert float(row[number.column]) == pytest.approx(number.value, rel=1e-6)
        digits = len(number.shown.partition(".")[2])
        shown = abs(float(number.shown))
        assert shown == pytest.approx(abs(number.value), abs=0.51 * 10**-digits)


def test_every_number_of_the_verdict_names_its_cell(study):
    """What is left are words, the margin, the level, comparisons and failures."""
    verdict = read_verdict(study.compare() / "verdict.json")
    for place, sentence in enumerate(verdict.sentences[:-1]):
        rest = sentence.replace("95% interval", "").replace("0.01 Dice", "")
        rest = rest.replace("corrected for the number of comparisons (6)", "")
        for number in verdict.numbers:
            if number.sentence == place:
                rest = rest.replace(number.shown, "", 1)
        assert not re.search(r"\d", rest), rest


def test_a_winner_that_loses_on_one_domain_is_named_in_the_first_three_sentences(
    comparison,
):
    """On the mean it is first; on siemens it is last of three."""
    levels = {
        "instance": {"ge": 0.85, "philips": 0.86, "siemens": 0.60},
        "group": {"ge": 0.70, "philips": 0.71, "siemens": 0.66},
        "batch": {"ge": 0.62, "philips": 0.63, "siemens": 0.72},
    }
    study = comparison(seeds=range(4))
    rng = np.random.default_rng(1)
    for norm, of_domain in levels.items():

        def dice(case, of_domain=of_domain):
            level = 0.88 if case.split == "pooled" else of_domain[case.domain]
            return level + 0.01 * rng.normal()

        study.add(("zscore", norm, "flip", "none"), dice)
    first, second, third, fourth, *_ = read_verdict(
        study.compare() / "verdict.json"
    ).sentences
    assert all(". " not in one and one.endswith(".") for one in (first, second, third))
    assert first.startswith("Which variant is best on a further scanner, this study ")
    assert "cannot say: three scanners are too few" in first
    assert fourth.startswith("On a further scanner, the lead of zscore + instance over")
    assert "could be anywhere from -" in fourth
    assert "zscore + instance had the highest mean Dice of 3 ranked variants" in second
    assert "It was not first on every scanner: on siemens it was last of 3" in third
    assert "of zscore + batch" in third


def test_a_lead_that_is_alike_everywhere_holds_for_further_scanners(comparison):
    study = comparison(dict.fromkeys("abcdef", 4), seeds=range(5))
    rng = np.random.default_rng(2)
    for norm, level in {"instance": 0.85, "batch": 0.70}.items():
        study.add(
            ("zscore", norm, "flip", "none"),
            lambda _case, level=level: level + 0.01 * rng.normal(),
        )
    verdict = read_verdict(study.compare() / "verdict.json")
    assert verdict.sentences[0].startswith(
        "On further scanners like these, zscore + instance can be expected to do "
        "better, on average, than every other variant: by at least 0.1"
    )
    assert verdict.sentences[2] == "It was first on each of these scanners."
    assert "is expected between +0.1" in verdict.sentences[3]
    assert "every other variant was worse, by more than 0.01" in verdict.sentences[4]
    assert "corrected" not in verdict.sentences[4]  # there is one comparison


def test_all_worse_is_said_to_be_corrected_for_the_number_of_comparisons(comparison):
    study = comparison()
    rng = np.random.default_rng(2)
    for norm, level in {"instance": 0.85, "batch": 0.7, "group": 0.6}.items():
        study.add(
            ("zscore", norm, "flip", "none"),
            lambda _case, level=level: level + 0.01 * rng.normal(),
        )
    verdict = read_verdict(study.compare(resamples=100) / "verdict.json")
    assert (
        "On these scanners, every other variant was worse, by more than 0.01 Dice, "
        "corrected for the number of comparisons (3)." in verdict.sentences
    )


DOMAINS = [(("export",), "export"), (("vendor", "model"), "domain")]


@pytest.mark.parametrize(("domain", "word"), [(("scanner",), "scanner"), *DOMAINS])
def test_the_verdict_calls_domains_what_they_are(study, read_json, domain, word):
    verdict = read_json(study.compare(domain=domain) / "verdict.json")
    said = " ".join(verdict["sentences"])
    assert verdict["domain"] == list(domain)
    assert f"On these 3 {word}s, which its networks had never seen, zscore + " in said
    assert f"trained on other subjects of their {word} reached" in said
    assert f"not having seen the {word} cost" in said
    assert f"Its worst unseen {word} was " in said
    assert f"On one further {word} like these" in said
    assert f"best on a further {word}" in said
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
