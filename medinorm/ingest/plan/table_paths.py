"""Files that a cell of a table names, in the ways in which people write paths."""

import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, urlsplit

from medinorm.errors import ReadError
from medinorm.files.machine import pass_on_machine_fault
from medinorm.ingest.archives import archive_of
from medinorm.ingest.dicom.files import is_dicom

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_LOOKED_AT = 20  # files of a folder
_START = 256  # bytes that show whether a file is DICOM
_HERE = frozenset({"", "localhost"})


def locate_file(folder: Path, cell: str) -> Path:
    r"""The file that a cell names, relative to the folder of its table.

    ``~`` is the user's own folder. Only where the path as it stands leads nowhere,
    quotation marks around it, backslashes of Windows, ``file:`` and another form of
    letters with accents are tried.

    Args:
        folder: of the table.
        cell: what it says.

    Examples:
        >>> locate_file(Path("/data"), "images/001.nii.gz").as_posix()
        '/data/images/001.nii.gz'
    """
    first = _join(folder, cell)
    if _exists(first):
        return first
    others = (_join(folder, text) for text in _readings(cell))
    return next((path for path in others if _exists(path)), first)


def refuse_file(path: Path, cell: str) -> str:
    """Why a file cannot be used, as far as its path says; empty if it may be.

    A file that does not exist is found to be missing when it is read.

    Args:
        path: where it is.
        cell: what the table says.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return _refuse_text(cell)
    except PermissionError:
        return ""
    except (OSError, ValueError) as error:
        pass_on_machine_fault(error)
        if _leads_into_archive(path):
            return ""
        return "its path can be that of no file; correct it"
    if stat.S_ISDIR(mode):
        return _refuse_folder(path)
    usable = stat.S_ISREG(mode)
    return "" if usable else "is a device or pipe, not a file; correct its path"


def _refuse_folder(path: Path) -> str:
    """What a folder in place of an image may be, and what to do."""
    if any(map(_is_dicom, islice(_files_in(path), _LOOKED_AT))):
        return (
            "is a folder of DICOM files; list it in input.dicom, which reads them, or "
            "convert the series and give the path of the image file"
        )
    return "is a folder, not a file; give the path of the image file in it"


def _files_in(folder: Path) -> Iterator[Path]:
    """The files in a folder and the folders in it, none if it may not be read."""
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            if (path := Path(place, name)).is_file():  # no pipe, which would wait
                yield path


def _is_dicom(path: Path) -> bool:
    """Whether a file can be read and begins as DICOM does."""
    try:
        with path.open("rb") as stream:
            return is_dicom(stream.read(_START))
    except (OSError, ReadError) as error:
        pass_on_machine_fault(error)
        return False


def _refuse_text(cell: str) -> str:
    """Why a path that leads nowhere cannot be one of this machine."""
    if _WINDOWS.match(cell):
        return "a path of Windows leads nowhere here; give it as this machine sees it"
    if _ADDRESS.match(cell):
        return "is an address that leads to no file here; give the path of a file"
    return ""


def _readings(cell: str) -> Iterator[str]:
    """What a cell may mean beside what it says, the likely paths first."""
    bare = (
        cell[1:-1]
        if len(cell) > 2 and cell[0] == cell[-1] and cell[0] in "\"'"
        else cell
    )
    for text in (bare, _path_of_address(bare), bare.replace("\\", "/")):
        yield text
        yield unicodedata.normalize("NFC", text)
        yield unicodedata.normalize("NFD", text)


def _path_of_address(text: str) -> str:
    """The path in an address of a file on this machine; another text as it is."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    if parts.scheme != "file" or parts.netloc not in _HERE:
        return text
    return unquote(
        text.removeprefix(f"{text[:5]}//{parts.netloc}").removeprefix("file:")
    )


def _join(folder: Path, text: str) -> Path:
    """A path in a folder, or an absolute one."""
    return folder / os.path.expanduser(text)  # noqa: PTH111 - an unknown user is no error


def _exists(path: Path) -> bool:
    """Whether there is something at a path; one that is too long is none."""
    return os.path.exists(path)  # noqa: PTH110 - pathlib raises for some paths


def _leads_into_archive(path: Path) -> bool:
    """Whether a path goes on behind a ZIP file."""
    try:
        archive = archive_of(path)
        return archive is not None and zipfile.is_zipfile(archive)
    except (OSError, ValueError):
        return False
