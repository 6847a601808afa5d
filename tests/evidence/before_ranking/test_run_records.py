"""What the records of trainings say, and what is not known."""

from medinorm.evidence.before_ranking.run_records import RunRecords, trained_run
from medinorm.evidence.cases import read_cases
from medinorm.files.records import write_records
from medinorm.records.status import RunStatus
from medinorm.variant import Variant
from tests.evidence.before_ranking.records import write_record

ADAPTED = Variant("zscore", "batch", "flip", "tent")


def read(study):
    study.compare(resamples=100)
    cases = read_cases([study.folder / "scores.tsv"], study.folder / "splits.tsv")
    return RunRecords.of(cases, study.folder / "runs")


def test_an_adaptation_shares_the_record_of_its_network(comparison):
    study = comparison({"ge": 2, "philips": 2}, (0,))
    study.add(ADAPTED, lambda _: 0.5)
    write_record(study, "batch", "pooled", 0, steps=7)
    trained = read(study)
    run = trained_run(ADAPTED, "pooled", 0)
    assert run.variant == ADAPTED._replace(adapt="none")
    assert dict(trained.known())[run]["steps"] == 7
    assert trained.name_of(run.variant) == "zscore + batch + tent"
    assert [bool(record) for record in trained.of_variant(ADAPTED)] == [0, 0, 1]


def test_why_a_training_failed_is_read_from_its_status_table(comparison):
    study = comparison({"ge": 2, "philips": 2}, (0, 1))
    study.add(ADAPTED, lambda _: 0.5)
    folder = study.folder / "runs" / "zscore" / "batch" / "flip" / "pooled"
    rows = [RunStatus(0, "ok", None, "abc"), RunStatus(1, "failed", "diverged", None)]
    write_records(folder / "job-0.tsv", rows, RunStatus)
    (folder / "job-1.tsv").write_text("no table")
    trained = read(study)
    reasons = [trained.why_failed(trained_run(ADAPTED, "pooled", n)) for n in (0, 1)]
    assert reasons == ["", "diverged"]
    assert trained.why_failed(trained_run(ADAPTED, "lodo-ge", 1)) == ""
