"""Streams packed in streams, known by their content."""

import base64
import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from medinorm.audit.contents import DAMAGED, open_inside

SECRET = b"what is packed"


def zipped():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("name.txt", SECRET)
    return stream.getvalue()


def tarred():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("name.txt")
        info.size = len(SECRET)
        archive.addfile(info, io.BytesIO(SECRET))
    return stream.getvalue()


def inside(content):
    return [(name, packed.read()) for name, packed in rewound(content)]


def rewound(content):
    for name, packed in open_inside(io.BytesIO(content)):
        packed.seek(0)
        yield name, packed


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (gzip.compress(SECRET), ""),
        (bz2.compress(SECRET), ""),
        (lzma.compress(SECRET), ""),
        (zipped(), "name.txt"),
        (tarred(), "name.txt"),
        (
            b"<img src='data:image/png;base64," + base64.b64encode(SECRET) + b"'>",
            "embedded 1",
        ),
    ],
    ids=["gzip", "bzip2", "xz", "zip", "tar", "data address"],
)
def test_what_is_packed_comes_out(content, name):
    assert inside(content) == [(name, SECRET)]


def test_nothing_is_packed_in_text():
    assert inside(b"plain text") == []


def test_damage_is_one_of_the_known_errors():
    with pytest.raises(DAMAGED):
        inside(gzip.compress(SECRET * 1000)[:20])
