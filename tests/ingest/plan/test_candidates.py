import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import StageError
from medinorm.files.tables import read_table
from medinorm.ingest.plan.candidates import (
    Candidate,
    ChannelSource,
    DicomSource,
    InputFile,
    NiftiSource,
    count_unused_files,
    excluded,
    printable,
    quarantined,
    read_files,
    read_plan,
    write_files,
    write_plan,
)

TEXTS = st.text(st.characters(exclude_characters="\0"))


def _file_name(name):
    """What Python makes of the bytes of a file name."""
    return os.fsdecode(name.replace(b"\0", b"_").replace(b"/", b"_"))


NAMES = st.binary(min_size=1, max_size=20).map(_file_name)
PATHS = NAMES.map(Path)
FACTS = st.dictionaries(TEXTS, TEXTS, max_size=3)
NIFTI = st.builds(
    NiftiSource,
    channels=st.dictionaries(TEXTS, PATHS, max_size=2),
    label=PATHS,
    columns=FACTS,
    metadata=st.none() | st.lists(PATHS, max_size=2).map(tuple),
)
FRAMES = st.none() | st.just(((0, 2), (1,)))
CHANNELS = st.builds(
    ChannelSource,
    files=TEXTS,
    frames=FRAMES,
    notes=st.lists(TEXTS, max_size=2).map(tuple),
)
DICOM = st.builds(
    DicomSource,
    files=TEXTS,
    label=st.none() | PATHS,
    annotation=st.none() | PATHS,
    columns=FACTS,
    frames=FRAMES,
    others=st.dictionaries(TEXTS, CHANNELS, max_size=2),
)


@given(source=NIFTI | DICOM, session=st.none() | st.just("b"))
def test_sources_survive_the_plan(tmp_path_factory, source, session):
    path = tmp_path_factory.mktemp("plan") / "plan.tsv"
    candidate = Candidate("here", "sub-a_T1w", "a", session, source)
    left = [excluded("there", "a localizer"), quarantined("beyond", "burned in")]
    write_plan(path, [candidate, *left])
    plan = read_plan(path)
    assert plan.candidates == [candidate]
    assert plan.left_out == left


def test_a_candidate_without_a_name_is_refused(tmp_path):
    path = tmp_path / "plan.tsv"
    source = NiftiSource({"image": Path("i.nii")}, Path("l.nii"))
    write_plan(path, [Candidate("here", "", "a", None, source)])
    with pytest.raises(StageError, match="a candidate without a name; plan again"):
        read_plan(path)


def test_a_plan_says_no_more_than_the_source_has(tmp_path):
    path = tmp_path / "plan.tsv"
    source = DicomSource("a.json", annotation=Path("seg"))
    write_plan(path, [Candidate("here", "sub-a_T1w", "a", None, source)])
    (row,) = read_table(path)
    assert row["kind"] == "dicom"
    assert row["source"] == '{"columns":{},"files":"a.json","segmentation":"seg"}'


def test_names_that_are_not_utf8_can_be_shown(tmp_path):
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert printable(tmp_path / name).endswith("caf\\xe9")


@given(st.sets(NAMES))
def test_no_two_paths_look_the_same_in_a_table(tmp_path_factory, names):
    table = tmp_path_factory.mktemp("files") / "files.tsv"
    write_files(table, [InputFile(Path(name), "excluded") for name in names])
    rows = read_files(table)
    assert len({row.path for row in rows}) == len(names)
    assert [row.path for row in rows] == sorted(row.path for row in rows)


def test_a_file_belongs_to_all_its_scans(tmp_path):
    table = tmp_path / "files.tsv"
    shared = InputFile(Path("l.nii"), "used", "input.scans, line 2", others=("a, b",))
    write_files(table, [shared])
    (row,) = read_files(table)
    assert row.users == ("input.scans, line 2", "a, b")
    assert row.reason is None


def test_unused_files_are_counted_by_reason():
    files = [
        InputFile(Path("a"), "used", "series x"),
        InputFile(Path("b"), "excluded", "series x", "a localizer"),
        InputFile(Path("c"), "excluded", reason="not DICOM"),
        InputFile(Path("d"), "unreadable", reason="empty"),
        InputFile(Path("e"), "excluded", reason="not DICOM"),
    ]
    counted = [(row.where, row.reason) for row in count_unused_files(files)]
    assert counted == [("1 file", "empty"), ("2 files", "not DICOM")]
