"""Files that are no image are named for what they are."""

import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from medinorm.errors import ReadError
from medinorm.files.formats import read_image
from medinorm.files.signatures import refuse_other_content


def zipped():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("x.nii", bytes(400))
    return stream.getvalue()


HTML = b"\n<!DOCTYPE html><html><body>Sign in, Mr Miller</body></html>" + b" " * 500
CONTENTS = [
    (b"", "empty"),
    (bytes(400), "zeros only"),
    (HTML, "a web page"),
    (b"\xef\xbb\xbf<HTML>" + b" " * 400, "a web page"),
    (gzip.compress(HTML, mtime=0), "a web page"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer"),
    (b"/annex/objects/MD5E-s1--Miller.nii.gz\n", "git-annex pointer"),
    (bytes(128) + b"DICM" + bytes(300), "a DICOM file"),
    (bz2.compress(bytes(400)), "bzip2"),
    (lzma.compress(bytes(400)), "xz"),
    (zipped(), "ZIP archive"),
    (b"%PDF-1.7" + bytes(400), "PDF"),
]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ""])
@pytest.mark.parametrize(("content", "what"), CONTENTS)
def test_other_content_is_named(tmp_path, suffix, content, what):
    if content.startswith(b"\x1f\x8b") and "nii" not in suffix:
        pytest.skip("only NIfTI files are compressed as a whole")
    path = tmp_path / f"Miller{suffix}"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=what) as caught:
        read_image(path)
    assert "Miller" not in str(caught.value)


@pytest.mark.parametrize(
    "head", [b"\x5c\x01\0\0" + bytes(300), b"NRRD0004\n", b"ObjectType = Image", b"<?"]
)
def test_all_else_passes(head):
    refuse_other_content(head)
