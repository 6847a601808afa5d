"""The index: one row a file, and only what changed is read again."""

import os
import stat
import zipfile

import pytest

from medinorm.config import InputConfig
from medinorm.errors import StageError
from medinorm.ingest import index
from medinorm.ingest.dicom.header_values import KEYWORDS, PRIVATE
from medinorm.ingest.index import index_input, look_through, read_index


@pytest.fixture
def dicom(fake, tmp_path):
    """A folder with two series, junk and an index of files."""
    for number in range(2):
        series = fake.Series(fake.ramp((6, 6, 3)))
        fake.save(series.datasets(), tmp_path / "dicom" / str(number))
    (tmp_path / "dicom" / "junk").write_text("x")
    (tmp_path / "dicom" / "empty").touch()
    return tmp_path / "dicom"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Index folders; the rows, and the paths that were read for them."""
    target = tmp_path / "private" / "index.jsonl"

    def call(*folders, **source):
        read = []
        real = index.read_file
        monkeypatch.setattr(
            index, "read_file", lambda path: read.append(path) or real(path)
        )
        config = InputConfig(dicom=folders, **source)
        index_input(target, private=target.parent, input=config)
        monkeypatch.setattr(index, "read_file", real)
        return read_index(target), read

    call.target = target
    return call


def test_each_file_has_a_row(run, dicom):
    rows, read = run(dicom)
    assert sorted(row.path for row in rows) == sorted(read)
    assert len(rows) == sum(path.is_file() for path in dicom.rglob("*")) == 8
    states = {row.path.name: row.state for row in rows}
    assert (states["junk"], states["empty"]) == ("excluded", "unreadable")
    assert list(states.values()).count("dicom") == 3  # two folders, the same names
    assert stat.S_IMODE(run.target.parent.stat().st_mode) == 0o700
    assert rows == look_through([dicom])


def test_only_what_changed_is_read_again(run, dicom):
    before, _ = run(dicom)
    content = run.target.read_bytes()
    changed = min((dicom / "0").iterdir())
    rows, read = run(dicom)
    assert read == [dicom / "empty"]  # what could not be read is tried again
    assert rows == before
    assert run.target.read_bytes() == content
    os.utime(changed, ns=(1, 1))
    (dicom / "junk").unlink()
    (dicom / "new").write_text("x")
    rows, read = run(dicom)
    assert set(read) == {changed, dicom / "empty", dicom / "new"}
    assert dicom / "junk" not in {row.path for row in rows}


def test_an_archive_is_read_again_when_it_changed(run, dicom):
    path = dicom / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, file in enumerate(sorted((dicom / "0").iterdir())):
            archive.write(file, f"in/{number}")
    rows, _ = run(dicom)
    assert sum(row.archive == path for row in rows) == 3
    again, read = run(dicom)
    assert path not in read
    assert again == rows
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "y")
    rows, read = run(dicom)
    assert path in read
    assert sum(row.archive == path for row in rows) == 1


def test_a_killed_run_goes_on_from_its_journal(run, dicom, monkeypatch):
    whole, _ = run(dicom)
    content = run.target.read_bytes()
    run.target.unlink()
    left = iter(range(5))

    class KilledError(BaseException):
        """Stands for a kill."""

    def die(path, real=index.read_file):
        if next(left, None) is None:
            raise KilledError
        return real(path)

    monkeypatch.setattr(index, "read_file", die)
    with pytest.raises(KilledError):
        index_input(
            run.target, private=run.target.parent, input=InputConfig(dicom=(dicom,))
        )
    monkeypatch.undo()
    journal = run.target.with_name(".index.jsonl.journal")
    assert not run.target.exists()
    journal.write_bytes(journal.read_bytes()[:-20])  # the last line is torn
    rows, read = run(dicom)
    assert rows == whole
    assert 0 < len(read) < len(whole)
    assert run.target.read_bytes() == content
    assert not journal.exists()


def test_damaged_and_foreign_indexes_are_not_believed(run, dicom):
    whole, _ = run(dicom)
    old = b'{"format": 2}\n' + run.target.read_bytes().partition(b"\n")[2]
    for damage in (b"", b"junk\xff\n", b'{"format": 0}\n{"path": "x"}\n', old):
        run.target.write_bytes(damage)
        with pytest.raises(StageError, match="index again"):
            read_index(run.target)
        rows, read = run(dicom)
        assert rows == whole
        assert len(read) == len(whole)


def test_the_format_follows_what_a_row_keeps(run, dicom, monkeypatch):
    """A keyword more or another private element: all files are read again."""
    whole, _ = run(dicom)
    before = index.format_of(KEYWORDS, PRIVATE)
    moved = {name: element._replace(number=9) for name, element in PRIVATE.items()}
    others = [
        index.format_of([*KEYWORDS, "PatientSex"], PRIVATE),
        index.format_of(KEYWORDS[1:], PRIVATE),
        index.format_of(KEYWORDS, moved),
    ]
    assert len({before, *others}) == 4
    assert index.format_of(KEYWORDS[::-1], PRIVATE) == before
    monkeypatch.setattr(index, "KEYWORDS", [*KEYWORDS, "PatientSex"])
    with pytest.raises(StageError, match="index again"):
        read_index(run.target)
    rows, read = run(dicom)
    assert rows == whole
    assert len(read) == len(whole)


def test_links_pipes_and_closed_folders_are_told(run, dicom, tmp_path):
    os.mkfifo(dicom / "pipe")
    (dicom / "nothing").symlink_to(tmp_path / "gone")
    (dicom / "elsewhere").symlink_to(tmp_path)
    (dicom / "twin").symlink_to(dicom / "junk")
    rows, _ = run(dicom, dicom / "0", dicom)
    reasons = {row.path.name: row.reason for row in rows if row.state == "unreadable"}
    assert reasons == {
        "empty": "the file is empty; copy it again",
        "pipe": "a device, pipe or socket, not a file",
        "nothing": "a link to nothing; remove it",
        "elsewhere": "a folder that is a link or may not be entered; name it in "
        "input.dicom",
    }
    assert [row.path.name for row in rows].count("junk") == 1
    assert "twin" not in {row.path.name for row in rows}
    assert len({row.path for row in rows}) == len(rows)


def test_names_that_are_no_text_survive(run, dicom):
    name = os.fsdecode(b"b\xff\n  d")
    (dicom / "junk").rename(dicom / name)
    rows, _ = run(dicom)
    assert dicom / name in {row.path for row in rows}


def test_a_single_archive_may_be_named(run, dicom):
    path = dicom / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, file in enumerate(sorted((dicom / "0").iterdir())):
            archive.write(file, f"in/{number}")
    rows, _ = run(path)
    assert [row.path.name for row in rows] == ["0", "1", "2", "a.zip"]


def test_a_missing_folder_is_an_error(run, tmp_path):
    with pytest.raises(StageError, match="folder 1 of 1 does not exist"):
        run(tmp_path / "none")
