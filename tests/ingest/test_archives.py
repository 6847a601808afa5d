"""ZIP archives: what is read from them, and what is refused."""

import io
import os
import struct
import zipfile

import pytest

from medinorm.errors import ReadError
from medinorm.ingest import archives as zip_files
from medinorm.ingest.archives import (
    archive_of,
    is_bomb,
    on_disk,
    open_input,
    removing,
)
from medinorm.ingest.index import AN_ARCHIVE, look_through, read_file


@pytest.fixture
def series(fake):
    """A series, and the bytes of its files."""
    series = fake.Series(fake.ramp((6, 6, 4)))
    contents = []
    for ds in series.datasets():
        stream = io.BytesIO()
        ds.save_as(stream, enforce_file_format=True)
        contents.append(stream.getvalue())
    return contents


def pack(path, members, **options):
    """Write an archive."""
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def reasons(path):
    """Why each file of an archive is left out, by its name below the archive."""
    return {
        row.path.relative_to(path).as_posix(): (row.state, row.reason)
        for row in read_file(path)
        if row.path != path
    }


def test_files_in_an_archive_are_rows_of_their_own(series, tmp_path):
    path = pack(
        tmp_path / "in" / "export.zip",
        [
            ("a/b/", b""),
            *((f"a/b/{n}", content) for n, content in enumerate(series)),
            ("a/readme.txt", b"text"),
            ("a/empty", b""),
        ],
    )
    *inside, own = look_through([path.parent])
    assert (own.path, own.state, own.reason) == (path, "excluded", AN_ARCHIVE)
    assert [row.state for row in inside] == ["dicom"] * 4 + ["excluded", "unreadable"]
    assert {row.archive for row in inside} == {path}
    assert {row.values["Modality"] for row in inside[:4]} == {"MR"}
    assert inside[0].path == path / "a" / "b" / "0"
    assert inside[4].reason == "not DICOM"


@pytest.mark.parametrize(
    "name",
    [
        *("../x", "a/../../x", "/etc/x", "..\\x", "\\\\server\\x", "a/..", "..", "//x"),
        *("a//b", "./a"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(series, tmp_path, name):
    path = pack(tmp_path / "x.zip", [(name, series[0]), ("good", series[1])])
    found = reasons(path)
    assert len(found) == 2
    ((state, reason),) = [found[name] for name in found if name != "good"]
    assert state == "unreadable"
    assert "name" in reason
    assert found["good"] == ("dicom", "")


def test_encrypted_linked_repeated_and_nested_members(series, tmp_path):
    path = tmp_path / "x.zip"
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    nested = pack(tmp_path / "inner.zip", [("a", series[0])]).read_bytes()
    with pytest.warns(UserWarning, match="Duplicate name"):
        pack(
            path,
            [
                *(("secret", series[0]), (link, "/etc/passwd"), ("nested.zip", nested)),
                *(("twice", series[1]), ("twice", series[2])),
            ],
        )
    raw = bytearray(path.read_bytes())
    for head, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(head) + offset] |= 1  # the first member says that it is encrypted
    path.write_bytes(raw)
    found = [(row.state, row.reason) for row in read_file(path)]
    assert found[0][1].startswith("encrypted")
    assert found[1][1].startswith("a link")
    assert found[2] == ("excluded", "an archive inside an archive; unpack it")
    # Which of the two is meant cannot be known; readers differ in which they give.
    assert [state for state, _ in found[3:5]] == ["unreadable"] * 2
    assert all("twice" in reason for _, reason in found[3:5])


def test_a_refused_file_does_not_take_the_name_of_another(series, tmp_path):
    members = [("../x", series[0]), ("0", series[1]), ("0'", series[2])]
    path = pack(tmp_path / "x.zip", members)
    rows = [row for row in read_file(path) if row.path != path]
    assert [row.state for row in rows] == ["unreadable", "dicom", "dicom"]
    assert len({row.path for row in rows}) == 3


def test_bombs_are_refused_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_files, "_HARMLESS_BYTES", 1 << 20)
    path = pack(tmp_path / "bomb.zip", [("a", bytes(4 << 20)), ("b", b"x")])
    (row,) = read_file(path)
    assert (row.state, "ZIP bomb" in row.reason) == ("unreadable", True)


def test_a_blank_slice_is_no_bomb():
    assert not is_bomb(512 * 512 * 2, 600)
    assert is_bomb(10 << 30, 10 << 20)
    assert not is_bomb(10 << 30, 5 << 30)


def test_overlapping_members_are_refused(tmp_path):
    path = pack(tmp_path / "x.zip", [("a", os.urandom(9000))])
    raw = path.read_bytes()
    start = raw.index(b"PK\x01\x02")
    end = raw.index(b"PK\x05\x06")
    entry = raw[start:end]
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 9, 9, 9 * len(entry), start, 0)
    path.write_bytes(raw[:start] + entry * 9 + tail)
    (row,) = read_file(path)
    assert (row.state, "overlap" in row.reason) == ("unreadable", True)


def test_too_many_members_and_too_long_lists_are_refused(tmp_path, monkeypatch):
    path = pack(tmp_path / "x.zip", [(str(number), b"") for number in range(20)])
    monkeypatch.setattr(zip_files, "MOST_MEMBERS", 19)
    (row,) = read_file(path)
    assert "more than 19 files" in row.reason
    monkeypatch.setattr(zip_files, "_MOST_DIRECTORY_BYTES", 100)
    (row,) = read_file(path)
    assert "too long a list" in row.reason


def test_the_longer_end_of_large_archives_counts(tmp_path):
    """A bomb could hide behind a short end."""
    path = pack(tmp_path / "x.zip", [("a", b"x")])
    raw = path.read_bytes()
    start, end = raw.index(b"PK\x01\x02"), raw.index(b"PK\x05\x06")
    longer = struct.pack(
        "<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, 1 << 40, start
    )
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    path.write_bytes(raw[:end] + longer + locator + raw[end:])
    (row,) = read_file(path)
    assert "too long a list" in row.reason


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_damaged_archives_are_told(series, tmp_path, cut):
    path = pack(tmp_path / "x.zip", [("a", series[0])])
    path.write_bytes(path.read_bytes()[:-cut])
    (row,) = read_file(path)
    assert row.state != "dicom"
    raw = bytearray(pack(path, [("a", series[0])]).read_bytes())
    raw[60:90] = b"\xff" * 30
    path.write_bytes(raw)
    inside, _ = read_file(path)
    assert inside.state == "unreadable"


def test_copies_on_disk_come_and_go(series, tmp_path):
    path = pack(
        tmp_path / "in" / "x.zip", [(f"d/{n}", c) for n, c in enumerate(series)]
    )
    plain = tmp_path / "plain"
    plain.write_bytes(b"plain")
    wanted = [path / "d" / "2", plain, path / "d" / "0"]
    assert [archive_of(one) for one in wanted] == [path, None, path]
    with removing(tmp_path / "copies") as folder:
        found = on_disk(wanted, folder)
        assert [one.read_bytes() for one in found] == [series[2], b"plain", series[0]]
        assert found[1] == plain
        written = found[0].stat().st_mtime_ns
        assert on_disk(wanted, folder)[0].stat().st_mtime_ns == written
    assert not folder.exists()
    with open_input(wanted[0]) as stream:
        assert stream.read() == series[2]


def test_copies_keep_the_suffixes_that_say_how_to_read_them(tmp_path):
    names = ["Miller.NRRD", "b.nii.gz", "c.txt"]
    path = pack(tmp_path / "x.zip", [(name, b"x") for name in names])
    copies = on_disk(
        [path / name for name in names], tmp_path / "copies", (".nii.gz", ".nrrd")
    )
    assert [copy.name for copy in copies] == ["000000.nrrd", "000001.nii.gz", "000002"]


def test_a_member_that_is_gone_is_an_error(series, tmp_path):
    path = pack(tmp_path / "x.zip", [("a", series[0])])
    with pytest.raises(ReadError, match="does not hold the file any more"):
        on_disk([path / "b"], tmp_path / "copies")
    with pytest.raises(FileNotFoundError), open_input(tmp_path / "none" / "b"):
        pass


def test_a_series_in_an_archive_is_converted(fake, tmp_path, ingest):
    series = fake.Series(fake.ramp())
    paths = fake.save(series.datasets(), tmp_path / "plain")
    archive = tmp_path / "dicom" / "export.zip"
    pack(archive, [(f"a/{path.name}", path.read_bytes()) for path in paths])
    fake.nifti(tmp_path / "l.nii", fake.blocks(series.array.shape), series.affine)
    labels = fake.table(
        tmp_path / "labels.tsv", [{"series_uid": series.uid, "label": "l.nii"}]
    )
    plain = ingest(dicom=(tmp_path / "plain",), labels=labels, name="a")
    (tmp_path / "b" / "private").mkdir(parents=True)
    key = (plain.private / "pseudonym.key").read_bytes()
    (tmp_path / "b" / "private" / "pseudonym.key").write_bytes(key)
    packed = ingest(dicom=(archive.parent,), labels=labels, name="b")
    assert packed.scans == plain.scans
    assert not (packed.private / "unpacked" / packed.scans[0]["scan"]).exists()
    assert packed.account == {"converted": len(paths) + 1, "excluded": 1}
