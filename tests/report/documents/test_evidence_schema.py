"""The schema of the evidence is in step, and real evidence fits it."""

import json
from pathlib import Path

import jsonschema
import pytest

from medinorm.files.records import column_names
from medinorm.layout import EVIDENCE
from medinorm.records.evidence import SummaryRow
from medinorm.report.documents.evidence_schema import (
    DOCUMENTS,
    TABLES,
    describe_evidence,
    describe_row,
    describe_type,
    parse_cell,
    read_as_json,
)
from tests.evidence.conftest import ScoreTables

SHIPPED = Path(__file__).resolve().parents[3] / "docs/reference/evidence.schema.json"


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    """What the comparison of a small study writes."""
    study = ScoreTables(tmp_path_factory.mktemp("study"), {"a": 3, "b": 3, "c": 3})
    study.fill()
    return study.compare(resamples=100)


def check(folder):
    """Compare all files of a folder with the schema."""
    files = [path for path in folder.glob("[!.]*") if path.suffix in {".tsv", ".json"}]
    values = {path.stem: read_as_json(path) for path in files}
    jsonschema.Draft202012Validator(describe_evidence()).validate(values)
    return values


def test_the_shipped_schema_is_in_step():
    written = json.loads(SHIPPED.read_text())
    assert written == describe_evidence(), "run: python tools/tasks.py docs"
    jsonschema.Draft202012Validator.check_schema(written)


def test_every_file_of_a_comparison_fits(evidence):
    values = check(evidence)
    assert set(values) >= {*EVIDENCE, "cases", "verdict"}
    expected = {"expected_scans", "expected_errors"}  # of a stage of their own
    assert {*EVIDENCE, "cases"} | expected == set(TABLES)
    assert values["summary"][0]["out_domain"] > 0.4


def test_a_study_that_is_not_ranked_fits(tmp_path):
    study = ScoreTables(tmp_path, {"a": 3, "b": 3}, seeds=(0, 1))
    study.fill()
    assert check(study.compare(resamples=100))["ranking"] == []


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("verdict.json", '"ranked": true', '"ranked": "yes"'),
        ("verdict.json", '"ranked": true', '"ranked": true, "rank": 1'),
        ("failures.tsv", "missed", "lost"),
        ("summary.tsv", "out_domain", "outer_domain"),
    ],
)
def test_what_does_not_fit_is_found(evidence, tmp_path, file, old, new):
    for path in (*evidence.glob("[!.]*.tsv"), *evidence.glob("[!.]*.json")):
        text = path.read_text()
        changed = text.replace(old, new, 1) if path.name == file else text
        (tmp_path / path.name).write_text(changed)
    with pytest.raises(jsonschema.ValidationError):
        check(tmp_path)


def test_a_row_has_the_columns_of_its_table():
    row = describe_row(SummaryRow)
    assert tuple(row["properties"]) == column_names(SummaryRow)
    assert "external" not in row["required"]
    assert row["properties"]["new_low"]["description"].startswith("low end of the")


def test_cells_are_what_their_column_is():
    lists = {"type": "array", "items": {"type": "integer"}}
    assert parse_cell("1,2", lists) == [1, 2]
    assert parse_cell("", lists) == []
    assert parse_cell("", {"type": "string"}) == ""


def test_a_type_that_is_not_known_is_refused():
    with pytest.raises(TypeError, match="complex"):
        describe_type(complex)


def test_documents_are_named():
    assert set(DOCUMENTS) == {"environment", "expected", "verdict"}
