"""Status tables say how each item ended, and nothing about how it was made."""

from dataclasses import dataclass

import pytest

from medinorm.errors import StageError
from medinorm.files.records import column_names, read_records, write_records
from medinorm.files.tables import read_table
from medinorm.jobs.shards import Done, Failed
from medinorm.records.scans import Identity
from medinorm.records.status import (
    ConvertStatus,
    Facts,
    PredictionStatus,
    RunStatus,
    ScanStatus,
)


@dataclass(frozen=True)
class Item:
    scan: str = "sub-a_T1w"
    seed: int = 3
    subject: str = "a"
    session: str | None = None
    where: str = "input.scans, line 2"


FACTS = Facts(
    image="sub-a/anat/sub-a_T1w.nii.gz",
    label="sub-a_dseg.nii.gz",
    channels=("t1", "t2"),
    identity=Identity(vendor="GE", echo_time="0.005"),
    own={"Age  group": "60-70, or\tmore"},
    checksums=("01", "23"),
)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ScanStatus, "0a"),
        (RunStatus, "0a"),
        (PredictionStatus, "0a"),
        (ConvertStatus, FACTS),
    ],
)
def test_rows_are_read_as_they_were_written(tmp_path, kind, value):
    ends = [Done("made", value), Failed("all 8 voxels are 1")]
    rows = [kind.of(Item(), end) for end in ends]
    write_records(tmp_path / "status.tsv", rows, kind)
    assert read_records(tmp_path / "status.tsv", kind) == rows
    assert [row.state for row in rows] == ["ok", "failed"]
    assert [row.reason for row in rows] == [None, "all 8 voxels are 1"]


def test_made_and_current_are_the_same_row():
    made, current = (ScanStatus.of(Item(), Done(s, "0a")) for s in ("made", "current"))
    assert made == current


def test_the_columns_are_those_that_other_versions_wrote():
    assert column_names(ScanStatus) == ("scan", "state", "reason", "content")
    assert column_names(RunStatus) == ("seed", "state", "reason", "content")
    assert column_names(PredictionStatus) == (
        *("scan", "seed", "state", "reason", "content"),
    )
    assert column_names(ConvertStatus) == (
        *("scan", "subject", "session", "where", "state", "reason", "facts"),
    )


def test_facts_are_one_cell(tmp_path):
    row = ConvertStatus.of(Item(), Done("made", FACTS))
    write_records(tmp_path / "status.tsv", [row], ConvertStatus)
    (cells,) = read_table(tmp_path / "status.tsv")
    assert cells["facts"].startswith('{"checksums":["01","23"],"known":{"channels":')
    assert '"model":""' in cells["facts"]


@pytest.mark.parametrize("text", ["{", "{}", '{"known":{},"checksums":["1","2"]}'])
def test_damaged_facts_name_their_column(tmp_path, text):
    path = tmp_path / "status.tsv"
    head = "\t".join(column_names(ConvertStatus))
    path.write_text(f"{head}\ns\ta\t\there\tok\t\t{text}\n")
    with pytest.raises(StageError, match="row 1: column 'facts'"):
        read_records(path, ConvertStatus)
