"""Files that a stage made and that were damaged or lost since.

Such a file is never read as if it were whole: a flipped bit would become a score. In a
study it is deleted with its sidecar and with the status tables that vouch for it. So
the job ends with one line, and the next run makes the file again, and nothing else. A
copy is kept of a label map, which a person may have corrected by hand.
"""

from pathlib import Path
from typing import NoReturn, TypeVar

from medinorm.errors import DamagedError, StageError
from medinorm.files.checksums import EDITED, keep_edited
from medinorm.files.records import read_records
from medinorm.files.sidecars import is_intact, recorded_checksum, sidecar_path
from medinorm.layout import is_canonical_label, status_tables, tables_read_for
from medinorm.records.status import PredictionStatus, RunStatus, ScanStatus

Status = TypeVar("Status", ScanStatus, RunStatus, PredictionStatus)


def require_intact(output: Path) -> Path:
    """The path of a file that a stage made, once its bytes are checked.

    Args:
        output: the file; its sidecar records its checksum.

    Raises:
        DamagedError: the bytes are others than those that were written, or the file or
            its sidecar is lost.
    """
    if not is_intact(output):
        give_up(output)
    return output


def require_unchanged(output: Path) -> Path:
    """As `require_intact`; a file of another tool, which nothing vouches for, passes.

    Raises:
        DamagedError: it is one of ours, and damaged or lost.
    """
    if sidecar_path(output).exists() or status_tables(output):
        return require_intact(output)
    return output


def checksum_of(output: Path) -> str:
    """The checksum that the sidecar of `output` records; its bytes are not read.

    Raises:
        DamagedError: the sidecar is lost or damaged.
    """
    try:
        return recorded_checksum(output)
    except DamagedError:
        give_up(output)


def give_up(output: Path) -> NoReturn:
    """Say that a file is damaged; in a study, delete it and what vouches for it.

    Raises:
        DamagedError: always.
    """
    what = "damaged" if output.exists() else "lost"
    remedy = "make it again"
    if tables := status_tables(output):
        remedy = "the next run makes it again"
        found_by = tables_read_for(output)
        if output.exists() and is_canonical_label(output):
            keep_edited(output)
            remedy += f", and the changed one is kept beside it as *{EDITED}"
        for path in (output, sidecar_path(output), *tables, *found_by):
            path.unlink(missing_ok=True)
    raise DamagedError(f"{output.name} is {what} since it was made; {remedy}")


def require_failed(output: Path, kind: type[Status], **item: str | int) -> str:
    """Why a stage did not make `output`, as its status tables say.

    Args:
        output: a file that does not exist.
        kind: the rows of the tables.
        item: names of the row, such as ``scan="sub-01_T1w"``.

    Returns:
        The reason; empty if there are no such tables, as for files of other tools.

    Raises:
        DamagedError: a table says that the file was made, or none knows it: it is lost.
    """
    tables = status_tables(output)
    for table in tables:
        for row in _read_rows(table, kind):
            same = all(getattr(row, name) == value for name, value in item.items())
            if same and row.state == "failed":
                return row.reason or "it failed"
    if tables:
        give_up(output)
    return ""


def _read_rows(table: Path, kind: type[Status]) -> list[Status]:
    """The rows of a status table; none, if it is damaged."""
    try:
        return read_records(table, kind)
    except StageError:
        return []
