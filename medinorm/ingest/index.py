"""The index of the input: one row a file, read once and again only after a change."""

import hashlib
import json
import logging
import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import IO, Any, Literal

from medinorm.config import InputConfig
from medinorm.errors import ReadError, StageError
from medinorm.files.atomic import clear_leftovers, replacing
from medinorm.files.machine import pass_on_machine_fault
from medinorm.ingest.archives import (
    Member,
    list_members,
    open_archive,
    uncompressed,
)
from medinorm.ingest.bids.names import walk_dataset
from medinorm.ingest.deidentify.pseudonyms import open_pseudonyms
from medinorm.ingest.dicom.file_values import read_values
from medinorm.ingest.dicom.files import is_dicom
from medinorm.ingest.dicom.header_values import KEYWORDS, PRIVATE, Private
from medinorm.jobs.declare import stage
from medinorm.jobs.progress import track

# `listed`: known by its name only, as all files of a BIDS data set.
IndexState = Literal["dicom", "listed", "excluded", "unreadable"]

NOT_DICOM = "not DICOM"
AN_ARCHIVE = "an archive; the files in it are counted one by one"

_MAY_NOT = "the file may not be read; check its permissions"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IndexRow:
    """What the index knows of one file.

    Args:
        path: the file; if it lies in an archive, the archive's path and its own name.
        size: in bytes.
        modified: when it, or its archive, was last changed, in ns.
        state: what it is.
        reason: why it is not used, empty if it may be.
        values: texts of its header by keyword, see `read_values`.
        archive: the archive that it lies in.
    """

    path: Path
    size: int
    modified: int
    state: IndexState
    reason: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    archive: Path | None = None

    @property
    def line(self) -> str:
        """The row as a line of JSON."""
        cells: dict[str, object] = {
            "path": str(self.path),
            "size": self.size,
            "modified": self.modified,
            "state": self.state,
        }
        optional = {
            "reason": self.reason,
            "values": dict(self.values),
            "archive": str(self.archive or ""),
        }
        cells |= {name: value for name, value in optional.items() if value}
        return json.dumps(cells) + "\n"


@stage("index", after="fetch")
def index_input(
    index: Path,
    *,
    private: Path = Path("private"),
    input: InputConfig,  # noqa: A002 - the word in the configuration
) -> None:
    """Look at every file of the input once; read headers, never pixels.

    A file with the size and time of change of an earlier run is not read again. Each
    row goes into a journal beside the index at once, so that a killed run continues
    where it stopped. A table of scans names its files itself: its index is empty.

    Args:
        index: private file to write, a row of JSON for each file.
        private: folder that nobody else may enter.
        input: where the scans come from.

    Raises:
        StageError: a folder is missing.
    """
    open_pseudonyms(private)
    clear_leftovers([index])
    if input.bids is not None:
        rows = list_dataset(input.bids)
    else:
        rows = _read_folders(input.dicom, index)
    with replacing(index) as temporary, temporary.open("w") as stream:
        stream.write(_head())
        stream.writelines(row.line for row in rows)
    _journal_of(index).unlink(missing_ok=True)


def read_index(index: Path) -> list[IndexRow]:
    """The rows of an index.

    Raises:
        StageError: there is none, or it is of another version of medinorm.
    """
    rows = list(_rows_in(index))
    if not rows and not _is_index(index):
        raise StageError(f"{index.name}: is no index of this version; index again")
    return rows


def look_through(folders: Sequence[Path]) -> list[IndexRow]:
    """Read the header of every file in folders, without writing an index.

    Raises:
        StageError: a folder is missing.
    """
    return [row for path in walk(folders) for row in read_file(path)]


def list_dataset(folder: Path) -> list[IndexRow]:
    """The files of a BIDS data set, whose names say what they are.

    Raises:
        StageError: the folder is missing.
    """
    if not folder.is_dir():
        raise StageError("input.bids: the folder does not exist")
    return [_listed(path) for path in walk_dataset(folder.absolute())]


def read_file(path: Path) -> list[IndexRow]:
    """The rows of one file: first those of all files in it, then its own."""
    try:
        status = path.stat()
    except OSError as error:
        pass_on_machine_fault(error)
        return [IndexRow(path, 0, 0, "unreadable", "a link to nothing; remove it")]
    size, modified = status.st_size, status.st_mtime_ns
    inside: list[IndexRow] = []
    try:
        state, reason, values = _judge(path, status.st_mode)
        if reason == AN_ARCHIVE:
            inside = _read_members(path, modified)
    except ReadError as error:
        state, reason, values = "unreadable", str(error), {}
    except OSError as error:
        pass_on_machine_fault(error)
        state, reason, values = "unreadable", _MAY_NOT, {}
    return [*inside, IndexRow(path, size, modified, state, reason, values)]


def walk(folders: Sequence[Path]) -> Iterator[Path]:
    """All files once, in the order of their names, and folders that are not entered.

    Args:
        folders: or single files, such as archives.

    Raises:
        StageError: a folder is missing.
    """
    closed: list[Path] = []
    seen: set[str] = set()

    def note(error: OSError) -> None:
        pass_on_machine_fault(error)
        closed.append(Path(str(error.filename)))

    for number, folder in enumerate(folders, 1):
        if not folder.exists():
            raise StageError(
                f"input.dicom: folder {number} of {len(folders)} does not exist"
            )
        for parent, inner, names in _entered(folder.absolute(), note):
            inner.sort()
            links = [Path(parent, name) for name in inner]
            closed += [path for path in links if path.is_symlink()]
            real_parent = os.path.realpath(parent)
            for name in sorted(names):
                real = f"{real_parent}/{name}"
                if os.path.islink(real):  # noqa: PTH114 - a path for each takes longer
                    real = os.path.realpath(real)
                if real not in seen:
                    seen.add(real)
                    yield Path(parent, name)
    yield from dict.fromkeys(closed)


def _entered(
    folder: Path, note: Callable[[OSError], None]
) -> Iterator[tuple[str, list[str], list[str]]]:
    """A folder and all inside as `os.walk` gives them, or a single file alone."""
    if folder.is_dir():
        return os.walk(folder, onerror=note)
    return iter([(str(folder.parent), [], [folder.name])])


def _judge(path: Path, mode: int) -> tuple[IndexState, str, Mapping[str, str]]:
    """State, reason and header values of one file on disk."""
    if stat.S_ISDIR(mode):
        reason = "a folder that is a link or may not be entered; name it in input.dicom"
        return "unreadable", reason, {}
    if not stat.S_ISREG(mode):
        return "unreadable", "a device, pipe or socket, not a file", {}
    with path.open("rb") as stream:
        values = read_values(uncompressed(stream, is_dicom))
    if values is not None:
        return "dicom", "", values
    is_archive = zipfile.is_zipfile(path)
    return "excluded", AN_ARCHIVE if is_archive else NOT_DICOM, {}


def _read_members(path: Path, modified: int) -> list[IndexRow]:
    """The rows of all files in an archive."""
    with open_archive(path) as archive:
        return [
            _read_member(archive, member, path, modified)
            for member in list_members(path, archive)
        ]


def _read_member(
    archive: zipfile.ZipFile, member: Member, path: Path, modified: int
) -> IndexRow:
    """The row of one file in an archive."""
    size = member.info.file_size
    state: IndexState = "unreadable"
    reason, values = member.reason, None
    if not reason:
        try:
            with archive.open(member.info) as stream:
                values = read_values(uncompressed(stream, is_dicom))
                reason = "" if values is not None else _reason_of(stream)
            state = "excluded" if values is None else "dicom"
        except ReadError as error:
            reason = str(error)
        except Exception as error:  # a damaged archive can raise anything
            pass_on_machine_fault(error)
            reason = "damaged in its archive; copy it again"
    return IndexRow(member.path, size, modified, state, reason, values or {}, path)


def _reason_of(stream: IO[bytes]) -> str:
    """Why a file in an archive that is not DICOM is not used."""
    stream.seek(0)
    nested = stream.read(4) == b"PK\x03\x04"
    return "an archive inside an archive; unpack it" if nested else NOT_DICOM


def _read_folders(folders: Sequence[Path], index: Path) -> list[IndexRow]:
    """The rows of all files in folders, as far as possible from an earlier run."""
    known = _known(index)
    rows: list[IndexRow] = []
    read = 0
    journal = _journal_of(index)
    with journal.open("a") as stream:
        stream.write("\n" if journal.stat().st_size else _head())  # after a torn line
        for path in track(list(walk(folders)), "index"):
            own = known.get(path, [])
            if not own or not _is_unchanged(own[-1]):
                own = read_file(path)
                stream.writelines(row.line for row in own)
                read += 1
            rows += own
    _log.info("index: %d files read, %d rows in all", read, len(rows))
    return rows


def _known(index: Path) -> dict[Path, list[IndexRow]]:
    """The rows of earlier runs, by the path of the file on disk."""
    known: dict[Path, list[IndexRow]] = {}
    for path in (index, _journal_of(index)):
        inside: list[IndexRow] = []
        for row in _rows_in(path) if _is_index(path) else ():
            inside.append(row)
            if row.archive is None:  # its own row comes after those of what is in it
                known[row.path] = [r for r in inside if r.archive in {None, row.path}]
                inside = []
    return known


def _is_unchanged(row: IndexRow) -> bool:
    """Whether a file is what it was when it was read."""
    try:
        status = row.path.stat()
    except OSError:
        return False
    readable = row.state != "unreadable"  # permissions may have been mended
    return readable and (row.size, row.modified) == (status.st_size, status.st_mtime_ns)


def _listed(path: Path) -> IndexRow:
    """A file whose name says what it is."""
    try:
        status = path.stat()
    except OSError as error:
        pass_on_machine_fault(error)
        return IndexRow(path, 0, 0, "unreadable", "a link to nothing; remove it")
    return IndexRow(path, status.st_size, status.st_mtime_ns, "listed")


def _head() -> str:
    """The first line of an index."""
    return json.dumps({"format": format_of(KEYWORDS, PRIVATE)}) + "\n"


def format_of(keywords: Sequence[str], private: Mapping[str, Private]) -> str:
    """A mark of the values that an index keeps; an index with another is made again.

    Args:
        keywords: of the values that each row keeps.
        private: private elements, likewise.

    Returns:
        A hash of them and of the columns of a row.
    """
    columns = [column.name for column in fields(IndexRow)]
    elements = [f"{name} {element}" for name, element in private.items()]
    kept = "\n".join([*columns, "", *sorted(keywords), "", *sorted(elements)])
    return hashlib.blake2b(kept.encode(), digest_size=8).hexdigest()


def _is_index(path: Path) -> bool:
    """Whether a file begins as an index of this version does."""
    try:
        with path.open() as stream:
            return stream.readline() == _head()
    except (OSError, UnicodeDecodeError):
        return False


def _rows_in(path: Path) -> Iterator[IndexRow]:
    """The whole rows in an index or a journal; torn lines are left out."""
    if not _is_index(path):
        return
    with path.open() as stream:
        next(stream)
        for line in stream:
            with suppress(ValueError, KeyError, TypeError):
                yield _row_of(json.loads(line))


def _row_of(cells: Mapping[str, Any]) -> IndexRow:
    """A row from its JSON."""
    archive = cells.get("archive")
    return IndexRow(
        path=Path(cells["path"]),
        size=cells["size"],
        modified=cells["modified"],
        state=cells["state"],
        reason=cells.get("reason", ""),
        values=cells.get("values", {}),
        archive=Path(archive) if archive else None,
    )


def _journal_of(index: Path) -> Path:
    """The file that keeps new rows until the index is complete."""
    return index.with_name(f".{index.name}.journal")
