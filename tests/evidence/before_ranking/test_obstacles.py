"""Nothing is ranked without the evidence for it, and the verdict says why."""

import pytest

from medinorm.errors import StageError
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.files.tables import read_table
from medinorm.records.verdict import read_verdict
from medinorm.variant import Variant
from tests.evidence.before_ranking.records import write_all_records, write_record
from tests.evidence.planted import noisy

BATCH, GROUP = (Variant("zscore", norm, "flip", "none") for norm in ("batch", "group"))
TWO = {"ge": 4, "philips": 4}


@pytest.mark.parametrize(
    ("domains", "seeds", "designs", "reason"),
    [
        (None, (0, 1), ("lodo", "pooled"), "2 seeds at most"),
        (None, (0,), ("lodo", "pooled"), "1 seed at most"),
        (TWO, (0, 1, 2), ("lodo", "pooled"), "only two scanners were held out"),
        (TWO, (0, 1, 2, 3, 4), ("lodo", "single"), "scanners needs three"),
        (None, (0, 1, 2), ("pooled",), "no leave-one-domain-out network was tested"),
        (None, (0, 1, 2), ("single",), "add lodo to split.designs"),
        ({**TWO, "siemens": 1}, (0, 1, 2), ("lodo", "pooled"), "siemens has only one"),
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
    assert reason in verdict["sentences"][0]
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


@pytest.fixture
def full(comparison):
    """A study that is ranked: three scanners, three seeds."""
    study = comparison()
    study.add(BATCH, noisy(0.7, 1))
    study.add(GROUP, noisy(0.8, 2))
    write_all_records(study)
    return study


def lose_predictions(study, norm="group", split="lodo-ge", seed=1):
    for row in study.rows:
        if (row["norm"], row["split"], row["seed"]) == (norm, split, seed):
            row |= {"state": "missing", "dice": 0.0, "nsd": 0.0}
            row.pop("voxels_prediction", None)


def test_a_study_without_obstacles_is_ranked(full):
    assert read_verdict(full.compare() / "verdict.json").ranked


def test_a_seed_whose_weights_cannot_be_read_is_no_dice_of_zero(full):
    lose_predictions(full)
    verdict = read_verdict(full.compare() / "verdict.json")
    assert not verdict.ranked
    assert verdict.reason in verdict.sentences[0]
    assert verdict.reason == (
        "the weights of zscore + group, lodo-ge, seed 1, could not be read, so their "
        "predictions are missing; delete these runs and train them again"
    )
    lose_predictions(full, seed=2)
    lose_predictions(full, split="pooled")
    reason = read_verdict(full.compare() / "verdict.json").reason
    assert "lodo-ge, seed 1, and those of 2 more, could not" in reason


@pytest.mark.parametrize("damaged", [False, True])
def test_predictions_that_fail_although_the_weights_are_whole_count(full, damaged):
    lose_predictions(full)
    run = write_record(full, "group", "lodo-ge", 1)
    weights = run / "model.safetensors"
    weights.write_bytes(b"weights")
    write_sidecar(weights, Provenance({}, {}))
    if damaged:
        weights.write_bytes(b"weight5")
    assert read_verdict(full.compare() / "verdict.json").ranked is not damaged


def test_a_scan_that_one_seed_could_not_segment_is_no_damage(full):
    (row, *_) = [r for r in full.rows if (r["norm"], r["split"]) == ("group", "pooled")]
    row |= {"state": "missing", "dice": 0.0, "nsd": 0.0}
    del row["voxels_prediction"]
    assert read_verdict(full.compare() / "verdict.json").ranked


def test_a_subject_on_both_sides_is_refused(full):
    full.subject_of = lambda scan: "tge" if scan == "ge0" else scan
    with pytest.raises(StageError, match="a subject trains and tests"):
        full.compare()
