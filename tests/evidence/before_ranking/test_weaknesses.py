"""A weak study is ranked, with a banner that names each weakness."""

import pytest

from medinorm.files.records import write_records
from medinorm.records.status import RunStatus
from medinorm.records.verdict import read_verdict
from medinorm.variant import Variant
from tests.evidence.before_ranking.records import write_all_records

BATCH = Variant("zscore", "batch", "flip", "none")
MATCHED = ("lodo", "pooled", "size_matched")
TEN = {"ge": 10, "philips": 10, "siemens": 10}


def weaknesses(
    comparison, domains=TEN, seeds=range(5), designs=MATCHED, before=None, dice=0.7
):
    """Banner of a study whose two variants differ by 0.1."""
    study = comparison(domains, tuple(seeds))
    for norm, mean in (("batch", dice), ("group", 0.8)):
        study.add(
            BATCH._replace(norm=norm), lambda _, mean=mean: mean, (1,), designs=designs
        )
    write_all_records(study, designs=MATCHED)
    if before:
        before(study)
    evidence = study.compare(designs, resamples=100)
    verdict = read_verdict(evidence / "verdict.json")
    assert verdict.ranked
    return list(verdict.weaknesses)


def test_a_strong_study_has_no_banner(comparison):
    assert weaknesses(comparison) == []


def test_few_subjects(comparison, caplog):
    (said,) = weaknesses(comparison, {"ge": 9, "philips": 10, "siemens": 8})
    assert said.startswith("Few test subjects (ge 9, siemens 8; 10 on each scanner")
    assert said in caplog.text


def test_few_seeds(comparison):
    (said,) = weaknesses(comparison, seeds=range(3))
    assert said.startswith("Few trainings (3 seeds; 5 are wanted)")


def test_a_variant_that_lacks_seeds_makes_the_comparison_weak(comparison):
    def drop(study):
        study.rows = [
            row for row in study.rows if row["norm"] != "group" or row["seed"] < 4
        ]

    (said,) = weaknesses(comparison, before=drop)
    assert said.startswith("Few trainings (4 seeds; 5 are wanted)")


@pytest.mark.parametrize(("largest", "unequal"), [(15, True), (14, False)])
def test_unequal_numbers_of_subjects(comparison, largest, unequal):
    said = weaknesses(comparison, {**TEN, "philips": largest})
    assert len(said) == unequal
    if unequal:
        assert said[0].startswith("Unequal numbers of test subjects (ge 10, philips 15")


def test_a_gap_without_size_matched_networks(comparison):
    (said,) = weaknesses(comparison, designs=("lodo", "pooled"))
    assert said == (
        "The gap compares networks of unequally many training scans (pooled: 3, "
        "without the tested scanner: 2): a part of the gap is their number; add "
        "size_matched to split.designs."
    )
    assert weaknesses(comparison, designs=("lodo",)) == []  # there is no gap


def test_a_variant_that_has_not_learned(comparison):
    (said,) = weaknesses(comparison, dice=0.05)
    assert said.startswith("zscore + batch has not learned (mean Dice 0.050 on")


def fail(study):
    """The training of one seed diverged; its predictions are missing."""
    folder = study.folder / "runs" / "zscore" / "group" / "flip" / "lodo-ge"
    rows = [RunStatus(1, "failed", "the loss became not finite", None)]
    write_records(folder / "job-0.tsv", rows, RunStatus)
    for row in study.rows:
        if (row["norm"], row["split"], row["seed"]) == ("group", "lodo-ge", 1):
            row |= {"state": "missing", "dice": 0.0, "nsd": 0.0}
            del row["voxels_prediction"]


def test_a_training_that_failed_is_no_damage(comparison):
    (said,) = weaknesses(comparison, before=fail)
    assert said == (
        "1 of 35 trainings of zscore + group failed (the loss became not finite): all "
        "of their predictions count as Dice 0."
    )


def test_records_that_cannot_be_read(comparison):
    def lose(study):
        for record in list(study.folder.rglob("model.json"))[:3]:
            record.write_text("{")

    (said,) = weaknesses(comparison, before=lose)
    assert said.startswith("The records of 3 of 70 trainings cannot be read")


def test_many_small_domains_are_cut(comparison):
    said = weaknesses(comparison, {f"d{n:02}": 2 for n in range(10)}, seeds=range(3))
    assert "d07 2 and 2 more scanners; 10 on each" in said[0]
