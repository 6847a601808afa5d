"""Files that a cell of a table names, in the ways in which people write paths."""

import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from medinorm.files.machine import pass_on_machine_fault
from medinorm.ingest.archives import archive_of

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
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
    usable = stat.S_ISREG(mode) or stat.S_ISDIR(mode)  # a folder is refused as such
    return "" if usable else "is a device or pipe, not a file; correct its path"


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
