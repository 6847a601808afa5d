"""Nothing is ranked without the evidence for it, and the verdict says why."""

import pytest

from medinorm.files.tables import read_table
from medinorm.variant import Variant
from tests.evidence.planted import noisy

BATCH, GROUP = (Variant("zscore", norm, "flip", "none") for norm in ("batch", "group"))


@pytest.mark.parametrize(
    ("domains", "seeds", "designs", "reason"),
    [
        (None, (0, 1), ("lodo", "pooled"), "2 seeds at most"),
        ({"ge": 4, "philips": 4}, (0,), ("lodo", "pooled"), "1 seed at most"),
        (None, (0, 1, 2), ("pooled",), "no leave-one-domain-out network was tested"),
        (None, (0, 1, 2), ("single",), "add lodo to split.designs"),
        ({"ge": 1, "philips": 3}, (0, 1, 2), ("lodo", "pooled"), "ge has only one"),
    ],
)
def test_no_ranking_without_the_evidence_for_it(
    comparison, read_json, domains, seeds, designs, reason
):
    study = comparison(domains, seeds)
    study.add(BATCH, noisy(0.2, 1), designs=designs)
    study.add(GROUP, noisy(0.9, 2), designs=designs)
    evidence = study.compare(designs)
    verdict = read_json(evidence / "verdict.json")
    assert not verdict["ranked"]
    assert reason in verdict["reason"]
    assert verdict["best"] == []
    assert read_table(evidence / "ranking.tsv") == []
    said = " ".join(verdict["sentences"])
    assert reason in said
    assert "group" not in said  # no variant is held up as better
    assert len(read_table(evidence / "summary.tsv")) == 2


def test_networks_of_one_scanner_were_tested_on_scanners_they_had_not_seen(
    comparison, read_json
):
    study = comparison()
    study.add(BATCH, noisy(0.8), designs=("single",))
    verdict = read_json(study.compare(("single",)) / "verdict.json")
    assert "had not seen" not in verdict["reason"]


def test_one_variant_is_not_ranked(comparison, read_json):
    study = comparison()
    study.add(BATCH, noisy(0.8))
    verdict = read_json(study.compare() / "verdict.json")
    assert verdict["reason"] == "only one variant was tested"
