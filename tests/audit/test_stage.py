"""The audit finds what is planted, wherever it is packed, and says it to nobody."""

import base64
import bz2
import gzip
import io
import json
import logging
import lzma
import os
import re
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from medinorm.audit import matching
from medinorm.audit.matching import Matcher
from medinorm.audit.stage import audit_folder, search_folder
from medinorm.audit.tokens import read_patterns
from medinorm.cli import main as cli
from medinorm.errors import StageError

TOKEN = "QZX001LEAK"


def png(text):
    """An image with a compressed text."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", text, zip=True)
    info.add_itxt("Title", text, zip=True)
    stream = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(stream, "png", pnginfo=info)
    return stream.getvalue()


def zipped(content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", content)
    return stream.getvalue()


def tarred(content):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("inner.gz")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def deflated(content):
    """A DICOM file with a deflated data set."""
    uid = b"1.2.840.10008.1.2.1.99\0"
    element = b"\x02\0\x10\0UI" + len(uid).to_bytes(2, "little") + uid
    head = b"\x02\0\0\0UL\x04\0" + len(element).to_bytes(4, "little")
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = deflate.compress(content) + deflate.flush()
    return bytes(128) + b"DICM" + head + element + body


CONTENT = b"x" * 999 + TOKEN.encode() + b"y" * 999

PACKED = {
    "plain": CONTENT,
    "lower case": CONTENT.lower(),
    "utf-16": TOKEN.encode("utf-16"),
    "gz": gzip.compress(CONTENT),
    "bz2": bz2.compress(CONTENT),
    "xz": lzma.compress(CONTENT),
    "zip": zipped(CONTENT),
    "tar in gz": gzip.compress(tarred(gzip.compress(CONTENT))),
    "zip in gz": gzip.compress(zipped(CONTENT)),
    "png": png(TOKEN),
    "png in html": b"<img src='data:image/png;base64,"
    + base64.b64encode(png(TOKEN))
    + b"'>",
    "text in base64": b"eA" + base64.b64encode(b"z" + TOKEN.encode()),
    "notebook": json.dumps(
        {"image": "data:image/png;base64," + base64.encodebytes(png(TOKEN)).decode()}
    ).encode(),
    "dicom": deflated(CONTENT),
    "second gzip member": gzip.compress(b"first") + gzip.compress(CONTENT),
}


@pytest.mark.parametrize("kind", PACKED)
def test_finds_a_token_wherever_it_is_packed(tmp_path, kind):
    (tmp_path / "file").write_bytes(PACKED[kind])
    audit = search_folder(tmp_path, ["absent-token", TOKEN])
    assert [(hit.line, hit.place) for hit in audit.hits] == [(2, "file")]
    assert not audit.unsearched
    assert not search_folder(tmp_path, ["absent-token"]).hits


@pytest.mark.parametrize(
    ("token", "content"),
    [
        ("Doe^Jonathan", "by jonathan doe"),
        ("Doe^Jonathan", "JONATHAN"),
        ("Doe^Jonathan", "doe_jonathan.nii.gz"),
        ("Müller^Zoë", "MÜLLER"),
        ("Müller^Zoë", "muller"),
        ("19510203", "born 1951-02-03"),
        ("19510203", "3 February 1951"),
        ("03.02.1951", "UID 1.2.19510203.7"),
        ("1951-02-03", "03/02/1951"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16-le"])
def test_finds_other_ways_to_write_a_token(tmp_path, token, content, encoding):
    (tmp_path / "file").write_bytes(content.encode(encoding))
    assert search_folder(tmp_path, [token]).hits


@pytest.mark.parametrize(
    ("token", "content"),
    [
        ("Müllerson", "m\\u00fcllerson"),
        ("Müllerson", "M%C3%BCllerson"),
        ("O'Hara-12", "O&#x27;Hara-12"),
    ],
)
def test_finds_escaped_tokens(tmp_path, token, content):
    (tmp_path / "file").write_text(content)
    assert search_folder(tmp_path, [token]).hits


def test_short_names_stand_alone(tmp_path):
    (tmp_path / "file").write_text("a labelled benchmark")
    assert not search_folder(tmp_path, ["Bell^Mark"]).hits
    (tmp_path / "file").write_text("sub-bell_T1w")
    assert len(search_folder(tmp_path, ["Bell^Mark"]).hits) == 1


def test_names_are_searched_and_hidden(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    folder = tmp_path / "out" / f"sub-{TOKEN}" / "anat"
    folder.mkdir(parents=True)
    (folder / f"{TOKEN}.txt").write_text(TOKEN)
    (folder / "link").symlink_to(f"/data/{TOKEN}")
    known = tmp_path / "tokens.txt"
    known.write_text(f"\n{TOKEN}\n")
    with pytest.raises(StageError, match="1 known identifiers found in 3 places"):
        audit_folder(tmp_path / "out", known=known)
    assert "line 2: ***/anat/*** (2x)" in caplog.text
    assert "line 2: ***/anat/link (1x)" in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("depth", [1, 6])
def test_what_cannot_be_searched_is_no_proof(tmp_path, depth, caplog):
    content = b"nothing" * 99
    for _ in range(depth):
        content = gzip.compress(content)
    (tmp_path / "out").mkdir()
    cut = content if depth > 4 else content[:-9]
    (tmp_path / "out" / "file.gz").write_bytes(cut)
    known = tmp_path / "tokens.txt"
    known.write_text(TOKEN)
    with pytest.raises(StageError, match="1 files cannot be searched"):
        audit_folder(tmp_path / "out", known=known)
    assert "file.gz" in caplog.text


def test_what_comes_before_damage_is_searched(tmp_path):
    rest = np.arange(99).tobytes()
    cut = gzip.compress(TOKEN.encode() + rest)[:-40]
    (tmp_path / "file.gz").write_bytes(cut)
    audit = search_folder(tmp_path, [TOKEN])
    assert len(audit.hits) == 1
    assert audit.unsearched == ["file.gz"]


def test_a_clean_folder_passes(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").write_text("nothing")
    known = tmp_path / "tokens.txt"
    known.write_text(TOKEN)
    words = ["audit", "--folder", str(tmp_path / "out"), "--known", str(known)]
    assert cli.main(words) == 0
    (tmp_path / "out" / "file").write_text(TOKEN)
    assert cli.main(words) == 1
    assert TOKEN not in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"", b"\n \n", b"\xff\xfe\xff"])
def test_a_list_of_nothing_proves_nothing(tmp_path, content):
    known = tmp_path / "tokens.txt"
    if content is not None:
        known.write_bytes(content)
    with pytest.raises(StageError, match="--known"):
        audit_folder(tmp_path, known=known)


def test_a_list_of_short_ones_proves_nothing(tmp_path):
    known = tmp_path / "tokens.txt"
    known.write_text("Li\n")
    with pytest.raises(StageError, match="too short"):
        audit_folder(tmp_path, known=known)


def test_closed_folders_are_no_proof(tmp_path, monkeypatch):
    (tmp_path / f"of {TOKEN}").mkdir()
    scandir = os.scandir

    def closed(path):
        if TOKEN in os.fspath(path):
            raise PermissionError(13, "denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    assert search_folder(tmp_path, [TOKEN]).unsearched == ["***"]


def test_too_short_tokens_are_named(tmp_path, caplog):
    known = tmp_path / "tokens.txt"
    known.write_text("Li\nlonger\n")
    (tmp_path / "out").mkdir()
    audit_folder(tmp_path / "out", known=known)
    assert "line 1: too short" in caplog.text


@given(
    content=st.lists(
        st.sampled_from([b"ab", b"abcd", b"bcde", b"\0", b"x", b"ABCDE"])
    ).map(b"".join),
    chunk=st.integers(1, 9),
)
def test_chunks_make_no_difference(content, chunk):
    matcher = Matcher(read_patterns(["abcde1", "dabcd2", "bcdeab"])[0])
    whole = matcher.count_text(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "_CHUNK", chunk)
        count = matcher.count(io.BytesIO(content))
        assert count.hits == whole
        assert count.whole
    assert whole[3] == len(re.findall(b"(?=bcdeab)", content.lower()))
