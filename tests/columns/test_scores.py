"""Scores are the same as Parquet, as text and one by one."""

import numpy as np
import pytest

from medinorm.columns import scores as columns
from medinorm.columns.scores import ScoreColumns, read_scores, write_scores
from medinorm.errors import StageError
from medinorm.files.records import read_records
from medinorm.records.metrics import METRICS
from medinorm.records.scores import ScoreRow
from medinorm.variant import Variant

VARIANT = Variant("zscore", "batch", "flip", "none")
METRICS_OF = dict.fromkeys(METRICS) | {"dice": 1 / 3, "hd95": 12345.678912345}
SCORED = ScoreRow(VARIANT, "pooled", 1, "b", 2, "scored", METRICS_OF, 10, 12, 0.001)
EMPTY = ScoreRow(
    VARIANT._replace(norm="group"),
    *("pooled", 0, "a", 1, "empty", dict.fromkeys(METRICS), 0, 0),
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "job-0.parquet"
    write_scores(path, [SCORED, EMPTY])
    return path


def test_columns_hold_the_rows():
    assert list(ScoreColumns.of([SCORED, EMPTY]).rows()) == [SCORED, EMPTY]


def test_text_and_parquet_hold_the_same_numbers(path):
    text = path.with_suffix(".tsv")
    rows = list(read_scores([path]).rows())
    assert rows == read_records(text, ScoreRow) == list(read_scores([text]).rows())
    assert rows[0].dice == 0.333333333
    assert rows[0].metrics["hd95"] == 12345.6789


def test_either_name_may_be_given(path, tmp_path):
    write_scores(tmp_path / "other.tsv", [SCORED, EMPTY])
    assert (tmp_path / "other.parquet").read_bytes() == path.read_bytes()


def test_many_scores_are_not_text(path, monkeypatch):
    monkeypatch.setattr(columns, "TEXT_ROWS", 1)
    write_scores(path, [SCORED, EMPTY])
    assert {file.name for file in path.parent.iterdir()} == {
        "job-0.parquet",
        ".job-0.parquet.checksum",
    }
    write_scores(path, [SCORED])
    assert path.with_suffix(".tsv").exists()


def test_tables_are_joined_in_the_order_given(path, tmp_path):
    write_scores(tmp_path / "job-1.parquet", [EMPTY])
    both = read_scores([tmp_path / "job-1.parquet", path])
    assert [row.scan for row in both.rows()] == ["a", "b", "a"]
    assert both.variant.tolist() == [EMPTY.variant, VARIANT, EMPTY.variant]


def test_numbers_of_some_rows_are_selected_when_used(path):
    scores = read_scores([path])[np.array([False, True])]
    assert list(scores.rows()) == [EMPTY]
    assert len(scores.numbers["dice"]) == len(scores.numbers["lesion_f1"]) == 1


def test_not_a_number_is_no_score(tmp_path):
    row = ScoreRow(VARIANT, "s", 0, "a", 1, "scored", {"dice": np.nan}, 1, 1)
    with pytest.raises(ValueError, match="dice is NaN; absent values are None"):
        write_scores(tmp_path / "job-0.parquet", [row])


def test_a_table_of_a_version_without_a_metric_is_refused(path, monkeypatch):
    wanted = dict.fromkeys(("volume", *METRICS))
    monkeypatch.setattr(
        "medinorm.columns.parquet.column_types",
        lambda _: dict.fromkeys(wanted, (float, True)),
    )
    with pytest.raises(StageError, match="column 'volume' is missing; make the table"):
        read_scores([path])
