from medinorm.files.records import read_records
from medinorm.records.exclusions import (
    keep_exclusions,
    kept_copy,
    main_reasons,
    write_exclusions,
)
from medinorm.records.scans import ExcludedRow

ROWS = [ExcludedRow("here", f"sub-{n}", "empty" if n else "tilted") for n in range(3)]
FILES = ExcludedRow("4 files", None, "not DICOM")


def test_the_copy_of_a_failure_is_deleted_by_a_success(tmp_path):
    excluded = tmp_path / "excluded.tsv"
    assert "excluded-failed.tsv" in keep_exclusions(excluded, ROWS)
    assert read_records(kept_copy(excluded), ExcludedRow) == ROWS
    assert list(tmp_path.iterdir()) == [kept_copy(excluded)]
    write_exclusions(excluded, ROWS)
    assert read_records(excluded, ExcludedRow) == ROWS
    assert not kept_copy(excluded).exists()


def test_no_copy_of_nothing(tmp_path):
    assert keep_exclusions(tmp_path / "excluded.tsv", []) == ""
    assert list(tmp_path.iterdir()) == []


def test_reasons_of_scans_come_before_those_of_files():
    assert main_reasons([FILES, *ROWS]) == "empty (2x); tilted (1x)"
    assert main_reasons([FILES]) == "not DICOM (1x)"
    assert main_reasons([]) == ""
