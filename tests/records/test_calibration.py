"""Bins are cells of one table, and are read as they were written."""

from medinorm.files.records import read_records, write_records
from medinorm.records.calibration import BINS, CalibrationRow
from medinorm.variant import Variant


def test_rows_are_read_as_they_were_written(tmp_path):
    numbers = tuple(range(BINS))
    row = CalibrationRow(
        *(Variant("zscore", "batch", "flip", "none"), "pooled", 0, "a"),
        *(numbers, numbers, tuple(n / BINS for n in numbers), 0.25),
    )
    write_records(tmp_path / "rows.tsv", [row], CalibrationRow)
    assert read_records(tmp_path / "rows.tsv", CalibrationRow) == [row]
