"""Tables survive the round trip and complain with the line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import StageError
from medinorm.files.tables import json_cell, read_table, write_table

anything = st.text(max_size=20)
cells = anything.map(lambda text: " ".join(text.replace("\0", "").split()))


@given(rows=st.lists(st.fixed_dictionaries({"a": cells, "b": cells}), max_size=5))
def test_round_trip(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "x.tsv"
    write_table(path, rows, ("a", "b"))
    assert read_table(path, required=("b", "a")) == rows


FORMULAS = ["=cmd|'/C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "--x", "\uff1dA1", "=1"]
signs = st.text(alphabet="'=+-@\uff1d 1ae.", max_size=6)


@pytest.mark.parametrize("formula", [*FORMULAS, *(f" \t{text}" for text in FORMULAS)])
def test_no_cell_is_run_by_a_spreadsheet(tmp_path, formula):
    path = tmp_path / "x.tsv"
    write_table(path, [{"a": formula, "b": formula}], ("a", "b"))
    for cell in path.read_text().splitlines()[1].split("\t"):
        assert cell.strip('"').startswith("'")
    assert read_table(path)[0]["a"] == formula.strip()


@pytest.mark.parametrize(
    "value", [-0.5, -1, "-1.5e-07", "+3", "-", "a=b", "-.5", "-inf", "x-y", "-12%"]
)
def test_numbers_and_words_stand_as_they_are(tmp_path, value):
    path = tmp_path / "x.tsv"
    write_table(path, [{"a": value}], ("a",))
    assert path.read_text() == f"a\n{value}\n"


@given(cell=signs)
def test_an_inert_cell_is_read_as_it_was(tmp_path_factory, cell):
    path = tmp_path_factory.mktemp("table") / "x.tsv"
    write_table(path, [{"a": cell, "b": 1}], ("a", "b"))
    assert read_table(path)[0]["a"] == " ".join(cell.split())


@given(cell=anything)
def test_whatever_is_written_can_be_read(tmp_path_factory, cell):
    path = tmp_path_factory.mktemp("table") / "x.tsv"
    write_table(path, [{"a": cell, "b": 1}], ("a", "b"))
    (row,) = read_table(path)
    assert row["a"].split() == cell.replace("\0", " ").split()


def test_values_are_written_so_that_they_can_be_read(tmp_path):
    path = tmp_path / "x.tsv"
    write_table(path, [{"a": None, "b": 1 / 3, "c": "two\twords\n"}], ("a", "b", "c"))
    assert read_table(path) == [{"a": "", "b": "0.333333333", "c": "two words"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "x.tsv: the table does not exist"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"Doe\tb\n1\t2\n", r"column 'c' is missing; .* \(this line has 2 columns\)"),
        (b"", r"column 'c' is missing; .* \(this line has 0 columns\)"),
        (b"c\tb\n1\t2\n1\n", "x.tsv, line 3: expected 2 values"),
        (b"c\tb\n1\t2\t3\n", "x.tsv, line 2: expected 2 values"),
    ],
)
def test_bad_tables(tmp_path, content, message):
    path = tmp_path / "x.tsv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StageError, match=message) as caught:
        read_table(path, required=("c",))
    assert "Doe" not in str(caught.value)


def test_cells_may_be_long(tmp_path):
    path = tmp_path / "x.tsv"
    write_table(path, [{"a": "x" * 200_000}], ("a",))
    assert len(read_table(path)[0]["a"]) == 200_000
    path.write_text('c\td\n"1\t2\n' + 50_000 * "1\t2\n")  # a quote never closed
    with pytest.raises(StageError, match="expected 2 values"):
        read_table(path)


def test_a_folder_in_place_of_a_table(tmp_path):
    with pytest.raises(StageError, match="cannot be read"):
        read_table(tmp_path)


def test_commas_and_byte_order_mark(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbfa, b\n1, 2\n")
    assert read_table(path) == [{"a": "1", "b": "2"}]


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text())))
def test_json_survives_a_table(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("json") / "table.tsv"
    write_table(path, [{"cell": json_cell(value)}], ["cell"])
    (row,) = read_table(path)
    assert json.loads(row["cell"]) == value
