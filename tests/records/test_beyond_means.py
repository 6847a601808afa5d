"""The columns of the tables beyond means."""

from dataclasses import replace
from pathlib import Path

from medinorm.files.records import column_names, read_records, write_records
from medinorm.records.beyond_means import (
    LayerDriftRow,
    RecoveredRow,
    UnseenDomainRow,
    drift_path,
    probe_path,
)
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


def test_tables_are_never_the_status_table():
    for name in ("job-0.tsv", "status.tsv"):
        status = Path("folder") / name
        assert len({status, drift_path(status), probe_path(status)}) == 3


def test_rows_are_kept(tmp_path):
    variant = Variant("zscore", "batch", "flip", "none")
    row = LayerDriftRow(variant, "lodo-a", 0, 1, "model.0.norm", 8, "after", 0.5, 0.25)
    write_records(tmp_path / "drift-0.tsv", [row], LayerDriftRow)
    assert read_records(tmp_path / "drift-0.tsv", LayerDriftRow) == [row]
