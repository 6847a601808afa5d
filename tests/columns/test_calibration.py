"""Calibration is the same as columns and as text."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from medinorm.columns import scores as score_columns
from medinorm.columns.calibration import (
    CalibrationColumns,
    read_calibration,
    write_calibration,
)
from medinorm.columns.parquet import column_types
from medinorm.errors import DamagedError, StageError
from medinorm.files.records import read_records, write_records
from medinorm.records.calibration import BINS, CalibrationRow, calibration_path
from medinorm.variant import Variant

VARIANT = Variant("zscore", "batch", "flip", "none")


def row(scan, seed=0, brier=1 / 3):
    voxels = tuple(range(BINS))
    sure = tuple(round(n / 19, 6) for n in voxels)
    return CalibrationRow(
        VARIANT, "lodo-a", seed, scan, voxels, voxels[::-1], sure, brier
    )


ROWS = [row("s"), row("t", 1), row("s", 2, 0.5)]


@pytest.fixture
def scores(tmp_path):
    return tmp_path / "job-0.parquet"


def read(scores):
    (table,) = read_calibration([scores])
    return table


def test_columns_hold_the_rows():
    table = CalibrationColumns.of(ROWS)
    assert len(table) == 3
    assert table.scan.tolist() == ["s", "t", "s"]
    assert table.seed.tolist() == [0, 1, 2]
    assert table.voxels.shape == table.confidence.shape == (3, BINS)
    assert len(CalibrationColumns.of([])) == 0


def test_the_table_and_the_text_hold_the_same(scores):
    write_calibration(scores, ROWS)
    text = calibration_path(scores).with_suffix(".tsv")
    from_text = CalibrationColumns.of(read_records(text, CalibrationRow))
    for name in ("voxels", "correct", "confidence", "brier"):
        one, other = getattr(read(scores), name), getattr(from_text, name)
        np.testing.assert_array_equal(one, other)
    assert read(scores).variant.tolist() == [VARIANT] * 3


def test_bins_are_lists_that_others_can_read(scores):
    write_calibration(scores, ROWS)
    found = parquet.read_table(calibration_path(scores)).to_pylist()
    assert found[1]["voxels"] == list(range(BINS))
    assert found[1]["seed"] == 1


def test_many_rows_are_not_text(scores, monkeypatch):
    write_calibration(scores, ROWS)
    monkeypatch.setattr(score_columns, "TEXT_ROWS", 2)
    write_calibration(scores, ROWS)
    assert {path.name for path in scores.parent.iterdir()} == {
        "job-0_calibration.parquet",
        ".job-0_calibration.parquet.checksum",
    }


def test_the_text_of_an_earlier_version_is_read(scores):
    path = calibration_path(scores).with_suffix(".tsv")
    write_records(path, ROWS, CalibrationRow)
    assert read(scores).voxels.sum() == 3 * sum(range(BINS))


def test_no_rows_are_a_table(scores):
    write_calibration(scores, [])
    assert read(scores).voxels.shape == (0, BINS)


def test_scores_without_calibration_have_none(scores):
    assert list(read_calibration([scores])) == []


def test_a_damaged_or_other_table_is_one_line(scores):
    path = calibration_path(scores)
    write_calibration(scores, ROWS)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DamagedError, match="was changed since it was"):
        read(scores)
    write_calibration(scores, ROWS)
    table = parquet.read_table(path)
    numbers = table.column("brier")
    place = table.schema.get_field_index("voxels")
    parquet.write_table(table.set_column(place, "voxels", numbers), path)
    path.with_name(f".{path.name}.checksum").unlink()
    with pytest.raises(StageError, match="'voxels' has values of the wrong type"):
        read(scores)
    few = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(6)), 2)
    parquet.write_table(table.set_column(place, "voxels", few), path)
    with pytest.raises(StageError, match="has no 20 bins; score again"):
        read(scores)


def test_the_names_are_those_of_the_records():
    table = CalibrationColumns.of(ROWS).to_table()
    assert set(table) == set(column_types(CalibrationRow))
