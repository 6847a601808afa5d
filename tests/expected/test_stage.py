"""The stage writes its tables and lines, and nothing where nothing was left out."""

from medinorm.config import TaskConfig
from medinorm.expected.records import ExpectedErrorRow, ExpectedScanRow
from medinorm.expected.stage import MODELS, expect_dice
from medinorm.expected.summarize import read_model
from medinorm.files.atomic import read_json
from medinorm.files.records import read_records
from medinorm.layout import Layout
from medinorm.variant import Variant
from tests.expected.conftest import VARIANT

TASK = TaskConfig(label_values={1: "shell", 2: "core"})


def expect(study, tables):
    small = study.small
    evidence = small.folder / "evidence"
    places = (small.scans, small.canonical, small.splits, evidence)
    expect_dice(*places, predicted=tables, input=TASK)
    return evidence


def test_tables_and_lines_are_written(predicted_study):
    evidence = expect(predicted_study, predicted_study.tables)
    scans = read_records(evidence / "expected_scans.tsv", ExpectedScanRow)
    errors = read_records(evidence / "expected_errors.tsv", ExpectedErrorRow)
    assert len(scans) == 8
    assert [row.domain for row in errors] == ["a", "b", "all"]
    model = read_model(evidence, Variant(*VARIANT))
    assert model.domains == 2
    assert read_model(evidence, Variant("none", *VARIANT[1:])) is None
    layout = Layout(str(predicted_study.small.folder), "private")
    assert {evidence.joinpath(path).name for path in layout.expected} == {
        path.name for path in evidence.glob("expected*")
    }


def test_a_study_that_left_no_domain_out_has_empty_tables(predicted_study):
    evidence = expect(predicted_study, ())
    assert read_records(evidence / "expected_scans.tsv", ExpectedScanRow) == []
    assert read_records(evidence / "expected_errors.tsv", ExpectedErrorRow) == []
    assert read_json(evidence / MODELS) == {"models": []}
    assert read_model(evidence, Variant(*VARIANT)) is None
    assert read_model(evidence / "none", Variant(*VARIANT)) is None
