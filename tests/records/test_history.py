"""A history is read as it was written; Dice may be absent."""

from medinorm.files.records import read_records, write_records
from medinorm.records.history import HistoryRow


def test_a_history_is_read_as_it_was_written(tmp_path):
    rows = [
        HistoryRow(50, 1.25, 0.01, 0.1),
        HistoryRow(100, 0.5, 0.0, 0.1, validation_dice=0.75, train_dice=0.875),
    ]
    write_records(tmp_path / "history.tsv", rows, HistoryRow)
    assert read_records(tmp_path / "history.tsv", HistoryRow) == rows
