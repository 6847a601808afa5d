"""A table of columns is read as it was written, or refused in one line."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from medinorm.columns.parquet import (
    absent,
    column_types,
    is_absent,
    read_columns,
    write_columns,
)
from medinorm.columns.words import WordColumn
from medinorm.errors import DamagedError, StageError
from medinorm.files.checksums import checksum_path


@dataclass(frozen=True)
class Row:
    scan: str
    state: Literal["scored", "missing"]
    label: int
    voxels: int | None
    dice: float | None
    nsd: float | None
    known: bool


COLUMNS = {
    "scan": WordColumn.of(["b", "a", "b"]),
    "state": WordColumn.of(["scored", "scored", "missing"]),
    "label": WordColumn.of([300, 2, 300]),
    "voxels": np.array([5.0, np.nan, 2.0**40]),
    "dice": np.array([0.1, np.nan, 1 / 3]),
    "nsd": absent(3),
    "known": np.array([True, False, True]),
}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "rows.parquet"
    write_columns(path, COLUMNS, Row)
    return path


def test_types_are_those_of_the_record():
    assert column_types(Row) == {
        "scan": (str, False),
        "state": (str, False),
        "label": (int, False),
        "voxels": (int, True),
        "dice": (float, True),
        "nsd": (float, True),
        "known": (bool, False),
    }


def test_columns_are_read_as_they_were_written(table):
    columns = read_columns(table, Row)
    assert list(columns) == list(COLUMNS)
    for name, column in columns.items():
        wanted = COLUMNS[name]
        if isinstance(wanted, WordColumn):
            assert (column.names, column.tolist()) == (wanted.names, wanted.tolist())
        else:
            np.testing.assert_array_equal(column, wanted)
            assert column.dtype == wanted.dtype
    assert is_absent(columns["nsd"])


def test_only_some_columns_are_read(table):
    assert list(read_columns(table, Row, ["dice", "scan"])) == ["dice", "scan"]


def test_the_same_columns_are_the_same_bytes(table):
    before = table.read_bytes()
    write_columns(table, COLUMNS, Row)
    assert table.read_bytes() == before


def test_a_table_without_rows_has_its_columns(tmp_path):
    path = tmp_path / "rows.parquet"
    write_columns(path, {name: column[:0] for name, column in COLUMNS.items()}, Row)
    assert {len(column) for column in read_columns(path, Row).values()} == {0}


def test_a_changed_table_is_refused_and_kept(table):
    content = bytearray(table.read_bytes())
    content[len(content) // 3] ^= 1
    table.write_bytes(content)
    with pytest.raises(DamagedError, match=r"^rows\.parquet was changed since it was"):
        read_columns(table, Row)
    assert not table.exists()


@pytest.mark.parametrize("kept", [0, 3, 0.5, 0.9])
def test_a_cut_table_that_nothing_vouches_for_is_one_line(table, kept):
    content = table.read_bytes()
    checksum_path(table).unlink()
    table.write_bytes(
        content[: kept if isinstance(kept, int) else int(len(content) * kept)]
    )
    with pytest.raises(StageError, match="the table: is damaged or no Parquet file; "):
        read_columns(table, Row, called="the table")


def test_a_flipped_bit_that_nothing_vouches_for_is_found_in_its_page(tmp_path):
    path = tmp_path / "rows.parquet"
    numbers = {"dice": np.random.default_rng(0).random(3)}
    write_columns(path, COLUMNS | numbers, Row, checked=False)
    content = path.read_bytes()
    place = content.index(numbers["dice"][1].tobytes())  # no extreme: in no header
    path.write_bytes(
        content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    )
    with pytest.raises(StageError, match="damaged"):
        read_columns(path, Row)


def test_a_table_of_another_program_is_read(tmp_path):
    """As pandas and polars write text."""
    path = tmp_path / "rows.parquet"
    scans = pa.array(["b", "a"], pa.large_string())
    parquet.write_table(pa.table({"scan": scans, "dice": [0.5, float("nan")]}), path)
    columns = read_columns(path, Row, ["scan", "dice"])
    assert columns["scan"].tolist() == ["b", "a"]
    np.testing.assert_array_equal(columns["dice"], [0.5, np.nan])


def test_a_table_of_another_program_without_rows_is_read(tmp_path):
    path = tmp_path / "rows.parquet"
    schema = pa.schema([("scan", pa.string()), ("dice", pa.float64())])
    parquet.ParquetWriter(path, schema).close()
    columns = read_columns(path, Row, ["scan", "dice"])
    assert [len(column) for column in columns.values()] == [0, 0]


def test_a_table_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(StageError, match=r"^rows\.parquet: the table does not exist$"):
        read_columns(tmp_path / "rows.parquet", Row)


@dataclass(frozen=True)
class Other:
    scan: str
    label: str


@dataclass(frozen=True)
class Stricter:
    scan: str
    dice: float


@dataclass(frozen=True)
class Further:
    scan: str
    surface: float


@dataclass(frozen=True)
class Narrower:
    state: Literal["scored"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Narrower, "column 'state' has values of the wrong type"),
        (Other, "column 'label' has values of the wrong type"),
        (Stricter, "column 'dice' has values of the wrong type"),
        (Further, "column 'surface' is missing"),
    ],
)
def test_another_table_is_refused(table, kind, said):
    with pytest.raises(StageError, match=said):
        read_columns(table, kind)
