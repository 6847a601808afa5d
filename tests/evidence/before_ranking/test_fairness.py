"""The records of the runs, as far as they exist."""

import pytest

from medinorm.files.tables import read_table
from medinorm.records.verdict import read_verdict
from tests.evidence.before_ranking.records import write_record

BATCH, GROUP = (("zscore", norm, "flip", "none") for norm in ("batch", "group"))


@pytest.fixture
def study(comparison):
    study = comparison({"ge": 2, "philips": 2, "siemens": 2})
    for variant in (BATCH, GROUP, ("zscore", "batch", "flip", "batch_statistics")):
        study.add(variant, lambda *_: 0.5)
    return study


def read(study):
    rows = read_table(study.compare() / "fairness.tsv")
    return {(row["norm"], row["adapt"]): row for row in rows}


def test_runs_are_summarized(study):
    for _, split, _ in study.all_splits():
        for seed in study.seeds:
            slow = {"seconds_per_step": 9.0, "peak_memory_mb": 800.5}
            write_record(study, "batch", split, seed, **(slow if seed == 2 else {}))
    rows = read(study)
    row = rows["batch", "none"]
    assert row["runs"] == "12"
    assert (row["seconds_per_step"], row["peak_memory_mb"]) == ("0.1", "800.5")
    assert (row["parameters"], row["augmentation"]) == ("1000", "flip")
    # adapting at test time uses the same networks
    assert rows["batch", "batch_statistics"] == row | {"adapt": "batch_statistics"}


def test_variants_trained_on_unequal_scans_are_not_ranked(study):
    """Eight scans of one variant could not be harmonized."""
    for _, split, _ in study.all_splits():
        for seed in study.seeds:
            write_record(study, "batch", split, seed)
            write_record(study, "group", split, seed)
    assert read_verdict(study.compare() / "verdict.json").ranked
    few = min(split for _, split, _ in study.all_splits())
    for seed in study.seeds:
        write_record(study, "group", few, seed, training_scans=4)
    verdict = read_verdict(study.compare() / "verdict.json")
    assert not verdict.ranked
    assert verdict.reason == (
        f"zscore + group was trained on 4 of the 12 scans of {few} that others were "
        "trained on; leave out zscore, or the scans that it cannot harmonize"
    )
    assert verdict.reason in verdict.sentences[0]


def test_one_seed_that_was_trained_on_fewer_scans_is_enough(study):
    for _, split, _ in study.all_splits():
        for seed in study.seeds:
            write_record(study, "batch", split, seed)
            write_record(study, "group", split, seed)
    write_record(study, "group", "lodo-ge", 0, training_scans=11)
    verdict = read_verdict(study.compare() / "verdict.json")
    assert "zscore + group was trained on 11 of the 12 scans" in verdict.reason


def test_facts_that_differ_are_all_shown(study):
    for number, (_, split, _) in enumerate(study.all_splits()):
        for seed in study.seeds:
            write_record(study, "batch", split, seed, steps=300 if number else 20)
    assert read(study)["batch", "none"]["steps"] == "20 / 300"


def test_what_no_run_records_is_absent(study, caplog):
    write_record(study, "group", "pooled", 0)
    path = study.folder / "runs" / "zscore" / "group" / "flip" / "pooled" / "seed-1"
    path.mkdir()
    (path / "model.json").write_text("{")
    rows = read(study)
    assert rows["group", "none"]["runs"] == "1"
    assert rows["batch", "none"]["runs"] == "0"
    assert rows["batch", "none"]["seconds_per_step"] == ""
    assert "zscore + group: 1 of 12 runs have a record" in caplog.text
