import pytest

from medinorm.errors import StageError
from medinorm.files.records import write_records
from medinorm.ingest.strict import require_all
from medinorm.records.scans import ExcludedRow


def test_files_and_series_that_are_no_scan_do_not_count(tmp_path):
    path = tmp_path / "excluded.tsv"
    write_records(path, [ExcludedRow("2 files", None, "not DICOM")], ExcludedRow)
    require_all(path)


def test_the_first_excluded_scan_is_named(tmp_path):
    path = tmp_path / "excluded.tsv"
    rows = [
        ExcludedRow("series x", "sub-a_T1w", "constant"),
        ExcludedRow("series y", "sub-b_T1w", "flat"),
        ExcludedRow("1 file", None, "not DICOM"),
    ]
    write_records(path, rows, ExcludedRow)
    with pytest.raises(
        StageError, match=r"2 scans .* the first: sub-a_T1w \(series x\): constant"
    ):
        require_all(path)
