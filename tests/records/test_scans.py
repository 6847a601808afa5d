"""Usable scans are read as they were written, and an identity is a record."""

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from medinorm.errors import StageError
from medinorm.files.records import column_names, read_records, write_records
from medinorm.records.scans import (
    IDENTITY_COLUMNS,
    IDENTITY_UNITS,
    Identity,
    ScanRow,
    read_scans,
)

ROW = ScanRow(
    scan="sub-a_T1w",
    subject="a",
    session=None,
    image="sub-a/anat/sub-a_T1w.nii.gz",
    label="derivatives/labels/sub-a_dseg.nii.gz",
    channels=("t1", "t2"),
    content="0123",
    identity=Identity(scanner="GE Signa HDxt 3T", field_strength="3"),
    own={"group": "x"},
)


def test_rows_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "scans.tsv"
    rows = [ROW, replace(ROW, scan="sub-b_T1w", session="1", label=None)]
    write_records(path, rows, ScanRow)
    assert read_records(path, ScanRow) == rows
    header = path.read_text().splitlines()[0].split("\t")
    assert header == [*column_names(ScanRow), "group"]


def test_an_own_column_takes_the_place_of_a_scanner_column(tmp_path):
    path = tmp_path / "scans.tsv"
    row = replace(ROW, identity=Identity(site="pseudonym"), own={"site": "north"})
    write_records(path, [row], ScanRow)
    header = path.read_text().splitlines()[0].split("\t")
    assert header.count("site") == 1
    assert header[-1] == "site"
    (read,) = read_records(path, ScanRow)
    assert (read.identity.site, read.own) == ("north", {})


def test_scans_know_where_their_files_are(tmp_path):
    path = tmp_path / "scans.tsv"
    write_records(path, [ROW, replace(ROW, scan="b", label=None)], ScanRow)
    scans = read_scans(path, Path("canonical"))
    assert list(scans) == ["sub-a_T1w", "b"]
    assert scans["b"].label is None
    assert scans["sub-a_T1w"].image == Path("canonical", ROW.image)
    assert scans["sub-a_T1w"].channels == ("t1", "t2")


def test_no_scan_is_an_error_that_says_where_the_reasons_are(tmp_path):
    write_records(tmp_path / "scans.tsv", [], ScanRow)
    with pytest.raises(StageError, match=r"no usable scan; excluded.tsv"):
        read_scans(tmp_path / "scans.tsv", tmp_path)


def test_an_identity_is_frozen_and_knows_its_columns_only():
    identity = Identity.of({"vendor": "GE", "model": "", "own": "x"})
    assert identity == Identity(vendor="GE")
    assert identity.texts == dict.fromkeys(IDENTITY_COLUMNS, "") | {"vendor": "GE"}
    with pytest.raises(FrozenInstanceError):
        identity.vendor = "Siemens"
    with pytest.raises(TypeError):
        Identity(patient="x")


def test_a_changed_identity_is_another_one():
    identity = Identity(vendor="GE", spacing="1x1x1")
    other = identity.with_columns(spacing="2x2x2")
    assert (other.vendor, other.spacing) == ("GE", "2x2x2")
    assert identity.spacing == "1x1x1"


def test_units_are_those_of_columns():
    assert set(IDENTITY_UNITS) < set(IDENTITY_COLUMNS)
    assert IDENTITY_UNITS["echo_time"] == "s"
