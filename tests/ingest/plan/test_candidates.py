import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from medinorm.files.tables import read_table, write_table
from medinorm.ingest.plan.candidates import (
    FILE_COLUMNS,
    Candidate,
    InputFile,
    count_strays,
    pack,
    printable,
    unpack,
)
from medinorm.scan import PLAN_COLUMNS

PATHS = st.text(st.characters(exclude_characters="\0"))


def _file_name(name):
    """What Python makes of the bytes of a file name."""
    return os.fsdecode(name.replace(b"\0", b"_").replace(b"/", b"_"))


@given(st.dictionaries(PATHS, PATHS))
def test_packed_values_survive_a_table(tmp_path_factory, source):
    table = tmp_path_factory.mktemp("packed") / "plan.tsv"
    row = Candidate("nifti", "here", "scan", source=source).row
    assert row["source"] == pack(source)
    write_table(table, [row], PLAN_COLUMNS)
    (read,) = read_table(table)
    assert unpack(read) == source


def test_names_that_are_not_utf8_can_be_shown(tmp_path):
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert printable(tmp_path / name).endswith("caf\\xe9")
    assert unpack({"source": pack({"path": name})}) == {"path": name}


@given(st.sets(st.binary(min_size=1, max_size=20).map(_file_name)))
def test_no_two_paths_look_the_same_in_a_table(tmp_path_factory, names):
    table = tmp_path_factory.mktemp("files") / "files.tsv"
    write_table(
        table,
        [InputFile(Path(name), "excluded").row for name in names],
        FILE_COLUMNS,
    )
    assert len({row["path"] for row in read_table(table)}) == len(names)


def test_strays_are_counted_by_reason():
    files = [
        InputFile(Path("a"), "used", "series x"),
        InputFile(Path("b"), "excluded", "series x", "a localizer"),
        InputFile(Path("c"), "excluded", reason="not DICOM"),
        InputFile(Path("d"), "unreadable", reason="empty"),
        InputFile(Path("e"), "excluded", reason="not DICOM"),
    ]
    counted = [(row.where, row.source["reason"]) for row in count_strays(files)]
    assert counted == [("1 file", "empty"), ("2 files", "not DICOM")]
