"""Cases are the same as columns, as text and one by one."""

from dataclasses import replace

import numpy as np
import pytest

from medinorm.columns import cases as columns
from medinorm.columns.cases import Cases, read_cases_table, write_cases
from medinorm.errors import DamagedError, StageError
from medinorm.files.records import read_records, write_records
from medinorm.records.evidence import CaseRow
from medinorm.records.metrics import METRICS
from medinorm.records.scores import ScoreRow
from medinorm.variant import Variant

VARIANT = Variant("zscore", "batch", "flip", "none")


def case(scan, seed, label, dice, failure="none"):
    metrics = dict.fromkeys(METRICS) | {"dice": dice}
    score = ScoreRow(VARIANT, "lodo-a", seed, scan, label, "scored", metrics, 9, 8, 0.5)
    facts = "lodo", 0, "lodo-a", scan.upper(), '=a "b"', seed > 0
    return CaseRow(score, *facts, failure)


ROWS = [case("s", 0, 1, 0.5), case("s", 0, 2, None), case("t", 1, 1, 1 / 8, "low")]


def test_columns_hold_the_rows():
    cases = Cases.of(ROWS)
    assert list(cases) == ROWS
    assert cases[2] == ROWS[2]
    assert list(cases[1:]) == list(cases[np.array([1, 2])]) == ROWS[1:]
    assert list(cases[cases.in_domain]) == ROWS[2:]
    assert cases.failed.tolist() == [False, False, True]


def test_the_table_and_the_text_hold_the_same(tmp_path):
    write_cases(tmp_path, Cases.of(ROWS))
    assert read_records(tmp_path / "cases.tsv", CaseRow) == ROWS
    read = read_cases_table(tmp_path, [*METRICS, *columns.MEASURED])
    assert list(read) == ROWS


def test_the_text_is_as_that_of_records(tmp_path):
    write_cases(tmp_path, Cases.of(ROWS))
    write_records(tmp_path / "records.tsv", ROWS, CaseRow)
    written = (tmp_path / "cases.tsv").read_bytes()
    assert written == (tmp_path / "records.tsv").read_bytes()


def test_what_was_not_asked_for_is_absent(tmp_path):
    write_cases(tmp_path, Cases.of(ROWS))
    (first, *_) = read_cases_table(tmp_path)
    assert first.score.metrics == {"dice": 0.5}
    assert first.score.voxels_label is None


def test_the_text_of_an_earlier_version_is_read(tmp_path):
    write_records(tmp_path / "cases.tsv", ROWS, CaseRow)
    assert list(read_cases_table(tmp_path)) == ROWS


def test_many_cases_are_not_text(tmp_path, monkeypatch):
    write_cases(tmp_path, Cases.of(ROWS))
    monkeypatch.setattr(columns, "TEXT_ROWS", 2)
    write_cases(tmp_path, Cases.of(ROWS))
    assert {file.name for file in tmp_path.iterdir()} == {
        "cases.parquet",
        ".cases.parquet.checksum",
    }


def test_a_damaged_table_is_one_line(tmp_path):
    write_cases(tmp_path, Cases.of(ROWS))
    table = tmp_path / "cases.parquet"
    table.write_bytes(table.read_bytes()[:-9])
    with pytest.raises(DamagedError, match=r"^cases\.parquet was changed since it was"):
        read_cases_table(tmp_path)
    with pytest.raises(StageError, match="the table does not exist"):
        read_cases_table(tmp_path / "elsewhere")


def test_predictions_and_runs_are_counted_once():
    cases = Cases.of([*ROWS, replace(ROWS[0], score=replace(ROWS[0].score, seed=1))])
    assert cases.predictions.of_row.tolist() == [0, 0, 1, 2]
    assert cases.runs.of_row.tolist() == [0, 0, 1, 1]


def test_another_order_keeps_the_rows_together():
    order = np.array([2, 0, 1])
    assert list(Cases.of(ROWS).reorder(order)) == [ROWS[place] for place in order]
