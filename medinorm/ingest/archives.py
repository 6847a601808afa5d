"""Compressed input: what may be read from ZIP archives and gzip files, and how.

The path of a file in an archive is that of the archive, then the file's own name. No
name from an archive ever becomes the name of a file on disk.
"""

import gzip
import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, cast

from isal import igzip
from isal.igzip_lib import IsalError

from medinorm.errors import ReadError
from medinorm.files.atomic import replacing
from medinorm.files.machine import pass_on_machine_fault

MOST_MEMBERS = 100_000
MOST_BYTES = 64 << 30  # of all members together
_MOST_DIRECTORY_BYTES = 16 << 20  # it is read at once
# A blank slice shrinks to a thousandth, a whole patient to a third.
_HARMLESS_BYTES = 256 << 20
_MOST_EXPANSION = 250

_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_TAIL = 22 + 0xFFFF  # the end of the directory, and the longest comment
_DAMAGES = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error),
    *(EOFError, RuntimeError, NotImplementedError, ValueError),
)
_GZIP = b"\x1f\x8b"
_GZIP_DAMAGES: tuple[type[Exception], ...] = (
    *(EOFError, zlib.error, gzip.BadGzipFile, struct.error),
    cast("type[Exception]", IsalError),  # its stub says that it is an instance
)
_CHUNK = 1 << 16
_DAMAGED = "the archive is damaged; copy it again, or unpack it"


@dataclass(frozen=True)
class Member:
    """One file in an archive.

    Args:
        path: where it is, as if the archive were a folder.
        info: how it is stored.
        reason: why it is not read; empty if it may be.
    """

    path: Path
    info: zipfile.ZipInfo
    reason: str = ""


def is_bomb(size: int, stored: int) -> bool:
    """Whether something expands so much that it was made to fill a disk.

    Args:
        size: bytes after decompression.
        stored: bytes before.
    """
    return size > _HARMLESS_BYTES and size > _MOST_EXPANSION * stored


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive whose directory is small enough to be read.

    Raises:
        ReadError: the archive is damaged or too large.
    """
    _check_directory(path)
    try:
        archive = zipfile.ZipFile(path)
    except (
        Exception
    ) as error:  # a damaged one can raise anything; it was readable just now
        pass_on_machine_fault(error)
        raise ReadError(_DAMAGED) from None
    with archive, _as_read_error():
        yield archive


def list_members(path: Path, archive: zipfile.ZipFile) -> list[Member]:
    """All files in an archive; one that must not be read has a reason.

    Args:
        path: where the archive is.
        archive: the same, open.

    Raises:
        ReadError: there are too many, or they expand too much.
    """
    infos = [info for info in archive.infolist() if not info.is_dir()]
    size = sum(info.file_size for info in infos)
    stored = sum(info.compress_size for info in infos)
    if len(infos) > MOST_MEMBERS:
        raise ReadError(
            f"an archive of more than {MOST_MEMBERS:,} files; unpack it yourself"
        )
    if stored > path.stat().st_size:
        raise ReadError("an archive whose files overlap; it may be a ZIP bomb")
    if size > MOST_BYTES or is_bomb(size, stored):
        raise ReadError(
            f"an archive that expands beyond {MOST_BYTES >> 30} GiB or "
            f"{_MOST_EXPANSION}-fold: it may be a ZIP bomb; unpack it yourself"
        )
    names = Counter(info.filename for info in infos)
    members = []
    for number, info in enumerate(infos):
        reason = _reason_against(info, names[info.filename])
        # A name that is refused must not lead out of the archive, nor repeat another.
        name = _unused(str(number), names) if reason else info.filename
        members.append(Member(path / name, info, reason))
    return members


@contextmanager
def open_input(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, also one in an archive or compressed by gzip.

    Raises:
        ReadError: the archive is damaged or has no such file.
        OSError: the file does not exist or may not be read.
    """
    archive = archive_of(path)
    if archive is None:
        with path.open("rb") as stream:
            yield uncompressed(stream)
        return
    with open_archive(archive) as opened, _open_member(opened, archive, path) as member:
        yield uncompressed(member)


def uncompressed(
    stream: IO[bytes], wanted: Callable[[bytes], bool] | None = None
) -> IO[bytes]:
    """A stream at its start, or what is in it if it was compressed by gzip.

    Args:
        stream: a file.
        wanted: whether a file with this beginning is to be decompressed; by default any
            file is. The others stay as they are.

    Raises:
        ReadError: it is damaged, or expands beyond all bounds.
    """
    is_gzip = stream.read(len(_GZIP)) == _GZIP
    stream.seek(0)
    if not is_gzip:
        return stream
    stored = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    content = BytesIO()
    try:
        with igzip.open(stream, "rb") as inflated:
            start = inflated.read(_CHUNK)
            if wanted and not (start and wanted(start)):
                stream.seek(0)
                return stream
            content.write(start)
            while chunk := inflated.read(_CHUNK):
                content.write(chunk)
                if is_bomb(content.tell(), stored):
                    raise ReadError("the file expands beyond all bounds; unpack it")
    except _GZIP_DAMAGES:
        raise ReadError("the gzip file is damaged; copy it again") from None
    content.seek(0)
    return content


def read_contents(paths: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    """The content of files, of which each archive is opened once.

    Files that are damaged or may not be read are left out.

    Args:
        paths: files, in archives or not, compressed by gzip or not.
    """
    groups: dict[Path | None, list[Path]] = defaultdict(list)
    for path in paths:
        groups[archive_of(path)].append(path)
    for archive, inside in groups.items():
        with suppress(OSError, ReadError), ExitStack() as stack:
            opened = stack.enter_context(open_archive(archive)) if archive else None
            for path in inside:
                with suppress(OSError, ReadError):
                    yield path, _content(path, archive, opened)


def _content(path: Path, archive: Path | None, opened: zipfile.ZipFile | None) -> bytes:
    """The content of one file, perhaps in an archive that is open."""
    if archive is None or opened is None:
        with open_input(path) as stream:
            return stream.read()
    with _open_member(opened, archive, path) as member:
        return member.read()


def archive_of(path: Path) -> Path | None:
    """The archive that a path leads into; ``None`` if there is none on its way."""
    if path.exists():
        return None
    return next((parent for parent in path.parents if parent.is_file()), None)


def on_disk(
    paths: Sequence[Path], folder: Path, suffixes: Sequence[str] = ()
) -> list[Path]:
    """Paths that any reader can open: files in archives are copied to `folder` first.

    What lies there already is not copied again.

    Args:
        paths: files, in archives or not.
        folder: for the copies, whose names are numbers; see `removing`.
        suffixes: ends of names, in lower case, that a copy keeps: they say how to
            read it.

    Raises:
        ReadError: an archive is damaged or has no such file any more.
    """
    archives = [archive_of(path) for path in paths]
    copies = {
        path: folder / f"{number:06d}{_suffix_of(path, suffixes)}"
        for number, (path, archive) in enumerate(zip(paths, archives, strict=True))
        if archive
    }
    for archive in dict.fromkeys(filter(None, archives)):
        inside = [
            path for path, own in zip(paths, archives, strict=True) if own == archive
        ]
        if not all(copies[path].exists() for path in inside):
            _copy_members(archive, {path: copies[path] for path in inside})
    return [copies.get(path, path) for path in paths]


def _suffix_of(path: Path, suffixes: Sequence[str]) -> str:
    """Which of the suffixes a name ends in, or none."""
    name = path.name.lower()
    return next((suffix for suffix in suffixes if name.endswith(suffix)), "")


@contextmanager
def removing(folder: Path) -> Iterator[Path]:
    """Remove a folder of copies before and after the block.

    Copies that a killed job left may be of another archive.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_members(archive: Path, copies: dict[Path, Path]) -> None:
    """Copy files out of one archive."""
    with open_archive(archive) as opened:
        for path, copy in copies.items():
            with (
                _open_member(opened, archive, path) as member,
                replacing(copy) as temporary,
                temporary.open("wb") as stream,
            ):
                shutil.copyfileobj(member, stream, 1 << 20)


@contextmanager
def _open_member(
    opened: zipfile.ZipFile, archive: Path, path: Path
) -> Iterator[IO[bytes]]:
    """Open one file in an archive by its path."""
    try:
        info = opened.getinfo(path.relative_to(archive).as_posix())
    except KeyError:
        raise ReadError(
            "the archive does not hold the file any more; index again"
        ) from None
    with opened.open(info) as member:
        yield member


@contextmanager
def _as_read_error() -> Iterator[None]:
    """Raise one kind of error for all that damaged archives raise."""
    try:
        yield
    except _DAMAGES:
        raise ReadError(_DAMAGED) from None


def _reason_against(info: zipfile.ZipInfo, count: int) -> str:
    """Why a file in an archive is not read, or nothing.

    If several files share a name, none is read: the right one cannot be known.

    Args:
        info: how it is stored.
        count: how many files of the archive have its name.
    """
    name = info.filename
    parts = re.split(r"[/\\]", name)
    if ".." in parts or name.startswith(("/", "\\")):
        return "its name leads out of its archive"
    if count > 1 or name != str(PurePosixPath(name)):
        return "its name is not plain or occurs twice in its archive; unpack it"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a link in an archive; unpack it"
    if info.flag_bits & _ENCRYPTED:
        return "encrypted in its archive; unpack it with the password"
    if info.compress_type not in _READ:
        return "compressed in its archive in a way that is not read; unpack it"
    return ""


def _unused(name: str, names: Collection[str]) -> str:
    """The name, with marks added until no other file has it."""
    while name in names:
        name += "'"
    return name


def _check_directory(path: Path) -> None:
    """Refuse archives whose directory would fill the memory.

    Raises:
        ReadError: the directory is too large, or there is none.
    """
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _TAIL - 20))
        tail = stream.read()
        end = tail.rfind(b"PK\x05\x06")
        if end < 0 or len(tail) < end + 22:
            raise ReadError(_DAMAGED)
        (size,) = struct.unpack_from("<I", tail, end + 12)
        # Large archives have a second, longer end; a place for its offset comes before.
        if tail[end - 20 : end - 16] == b"PK\x06\x07" and end >= 20:
            (offset,) = struct.unpack_from("<Q", tail, end - 12)
            stream.seek(min(offset, path.stat().st_size))
            longer = stream.read(56)
            if len(longer) < 56:
                raise ReadError(_DAMAGED)
            (size,) = struct.unpack_from("<Q", longer, 40)
    if size > _MOST_DIRECTORY_BYTES:
        raise ReadError("an archive with too long a list of files; unpack it yourself")
