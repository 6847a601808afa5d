"""Files that are no image: what they are instead, by their first bytes."""

from medinorm.errors import ReadError

# Longest start that is needed.
HEAD = 512

_NO_IMAGES = (
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file: git lfs pull"),
    (b"/annex/objects", "a git-annex pointer; fetch the file: git annex get"),
    (b"../.git/annex", "a git-annex pointer; fetch the file: git annex get"),
    (b"BZh", "compressed by bzip2; unpack it"),
    (b"\xfd7zXZ", "compressed by xz; unpack it"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd; unpack it"),
    (b"PK\x03\x04", "a ZIP archive; unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"%PDF", "a PDF; give the image file"),
    (b"\x89PNG", "a PNG image; give the volume"),
    (b"\xff\xd8\xff", "a JPEG image; give the volume"),
    (b"\x89HDF", "an HDF5 or MINC file; convert it to NIfTI"),
)
_DICOM_MARK = slice(128, 132)


def refuse_other_content(head: bytes) -> None:
    """Refuse a file whose first bytes say that it is no image.

    Args:
        head: its first `HEAD` bytes, or all.

    Raises:
        ReadError: it is empty or something else, which the message names.

    Examples:
        >>> refuse_other_content(b"<!DOCTYPE html>")
        Traceback (most recent call last):
        medinorm.errors.ReadError: a web page, not an image; download the file again
    """
    if not head:
        raise ReadError("the file is empty (0 bytes); copy it again")
    if not head.strip(b"\0"):
        raise ReadError("the file starts with zeros only; copy it again")
    if head[_DICOM_MARK] == b"DICM":
        raise ReadError("a DICOM file; list its folder in input.dicom")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"<" and b"html" in head.lower():
        raise ReadError("a web page, not an image; download the file again")
    for start, what in _NO_IMAGES:
        if head.startswith(start):
            raise ReadError(f"not an image but {what}")
