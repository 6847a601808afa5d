"""Records and tables: what is written is read back, and nothing else is accepted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import DamagedError, StageError
from medinorm.files.records import (
    cell,
    column_names,
    columns,
    read_records,
    write_records,
)
from medinorm.files.tables import json_cell, write_table


class Point(NamedTuple):
    x: int
    y: float | None


@dataclass(frozen=True)
class Thing:
    name: str
    place: Point
    other: Point = field(metadata=columns(prefix="other_"))
    kind: Literal["a", "b"]
    seen: bool
    scores: Mapping[str, float | None] = field(metadata=columns(names=("m", "n")))
    words: tuple[str, ...]
    note: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)


SCORES = {"m": 0.5, "n": None}
NAMES = st.text("abcäß-_.", min_size=1, max_size=8)
NUMBERS = st.none() | st.sampled_from([0.0, -1.5, 1e-9, 123456.789, float("inf")])
THINGS = st.builds(
    Thing,
    name=NAMES,
    place=st.builds(Point, st.integers(), NUMBERS),
    other=st.builds(Point, st.integers(), NUMBERS),
    kind=st.sampled_from(["a", "b"]),
    seen=st.booleans(),
    scores=st.fixed_dictionaries({"m": NUMBERS, "n": NUMBERS}),
    words=st.lists(NAMES, max_size=3).map(tuple),
    note=st.none() | NAMES,
    own=st.just({"site": "here"}),
)


@given(things=st.lists(THINGS, max_size=4))
def test_what_is_written_is_read_back(things, tmp_path_factory):
    path = tmp_path_factory.mktemp("records") / "things.tsv"
    write_records(path, things, Thing)
    assert read_records(path, Thing) == things


def test_columns_of_nested_records_have_their_prefix():
    assert column_names(Thing) == (
        *("name", "x", "y", "other_x", "other_y", "kind", "seen", "m", "n"),
        *("words", "note"),
    )


@pytest.mark.parametrize(
    ("cell", "column"),
    [
        *(("maybe", "seen"), ("c", "kind"), ("1.5", "x"), ("", "other_x")),
        *(("one", "y"), ("high", "n")),
    ],
)
def test_a_cell_of_another_type_names_its_column_and_not_itself(tmp_path, cell, column):
    path = tmp_path / "things.tsv"
    thing = Thing("n", Point(1, 2.0), Point(1, 2.0), "a", True, SCORES, ("w",))
    write_records(path, [thing], Thing)
    header, row = path.read_text().splitlines()
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    cells[column] = cell
    path = tmp_path / "own" / "things.tsv"  # of a user's: no checksum beside it
    path.parent.mkdir()
    path.write_text(f"{header}\n" + "\t".join(cells.values()) + "\n")
    with pytest.raises(StageError, match=f"things.tsv, row 1: column '{column}'"):
        read_records(path, Thing)


def test_a_column_with_a_default_may_be_absent_and_others_not(tmp_path):
    path = tmp_path / "things.tsv"
    head = ["name", "x", "y", "other_x", "other_y", "kind", "seen", "m", "n", "words"]
    path.write_text("\t".join(head) + "\n" + "n\t1\t\t2\t\ta\tno\t0.5\t\t\n")
    (thing,) = read_records(path, Thing)
    points = Point(1, None), Point(2, None)
    assert thing == Thing("n", *points, "a", False, SCORES, ())
    path.write_text("\t".join(head[:-1]) + "\n")
    with pytest.raises(StageError, match="column 'words' is missing"):
        read_records(path, Thing)


def test_nan_is_refused(tmp_path):
    thing = Thing("n", Point(1, float("nan")), Point(1, 2.0), "a", True, SCORES, ())
    with pytest.raises(ValueError, match="y is NaN; absent values are None"):
        write_records(tmp_path / "things.tsv", [thing], Thing)
    assert not (tmp_path / "things.tsv").exists()


@dataclass(frozen=True)
class Listed:
    """A field with a cell of its own, and one for all other columns."""

    name: str
    words: tuple[str, ...] | None = field(
        metadata=cell(parse=lambda text: tuple(json.loads(text)), write=json_cell)
    )
    site: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)


def test_a_field_may_have_a_format_of_its_own(tmp_path):
    path = tmp_path / "listed.tsv"
    rows = [Listed("a", ("x, y", "z  z")), Listed("b", ()), Listed("c", None)]
    write_records(path, rows, Listed)
    assert read_records(path, Listed) == rows
    assert path.read_text().splitlines()[3] == "c\t\t"
    path.write_text("name\twords\na\t{\n")
    with pytest.raises(DamagedError, match="was changed since it was made"):
        read_records(path, Listed)
    write_table(path, [{"name": "a", "words": "{"}], ["name", "words"])
    with pytest.raises(StageError, match="column 'words' has a cell of the wrong type"):
        read_records(path, Listed)


def test_another_column_takes_the_place_of_one_with_its_name(tmp_path):
    path = tmp_path / "listed.tsv"
    rows = [
        Listed("a", (), site="here", own={"site": "there", "more": "1"}),
        Listed("b", (), site="here"),
    ]
    write_records(path, rows, Listed)
    assert path.read_text().splitlines() == [
        "name\twords\tsite\tmore",
        "a\t[]\tthere\t1",
        "b\t[]\there\t",
    ]
