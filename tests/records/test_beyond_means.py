"""The columns of the tables beyond means."""

from dataclasses import replace

from medinorm.files.records import column_names, read_records, write_records
from medinorm.records.beyond_means import RecoveredRow, UnseenDomainRow
from medinorm.variant import Variant

BATCH = Variant("zscore", "batch", "flip", "none")
GROUP = BATCH._replace(norm="group")


def test_rows_are_read_as_they_were_written(tmp_path):
    row = UnseenDomainRow(
        *(BATCH, "ge", 0.5, 0.4, 0.6, 4, 3, 5, 2, 4, 0.25, 0.1, 0.6, 0.5, True)
    )
    rows = [row, replace(row, rank=None, dice=None, worst=False)]
    write_records(tmp_path / "unseen_domains.tsv", rows, UnseenDomainRow)
    assert read_records(tmp_path / "unseen_domains.tsv", UnseenDomainRow) == rows


def test_the_reference_has_columns_of_its_own():
    names = column_names(RecoveredRow)
    assert names[4:8] == tuple(f"reference_{name}" for name in names[:4])
