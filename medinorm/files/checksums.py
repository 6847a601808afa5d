"""Checksums beside tables and other files without a sidecar.

A flipped bit in a table is a different number, and a table that was cut at the end of a
line is a smaller study: neither can be seen in the table. What a stage hands to the
next therefore has its checksum in a hidden file beside it, which is compared on
reading. A file of a user's has none and is taken as it is.

Whether a file was damaged or changed by a person cannot be told. Before such a table is
made again, its bytes are therefore kept beside it.
"""

import shutil
from itertools import count
from pathlib import Path

from medinorm.errors import DamagedError
from medinorm.files.atomic import checksum, replacing

EDITED = ".edited"
"""What the name of a kept copy ends in."""


def checksum_path(path: Path) -> Path:
    """Where the checksum of a file is.

    Examples:
        >>> checksum_path(Path("a/scans.tsv")).as_posix()
        'a/.scans.tsv.checksum'
    """
    return path.with_name(f".{path.name}.checksum")


def write_checksum(path: Path) -> None:
    """Write the checksum of a finished file beside it."""
    with replacing(checksum_path(path)) as temporary:
        temporary.write_text(f"{checksum(path)}\n", encoding="ascii")


def is_as_written(path: Path) -> bool:
    """Whether a file has the bytes that the checksum beside it was made of."""
    return checksum_path(path).read_bytes().strip() == checksum(path).encode()


def keep_edited(path: Path) -> Path:
    """Copy the bytes of a file that will be made again; the same bytes once only.

    Examples:
        >>> import tempfile
        >>> table = Path(tempfile.mkdtemp(), "scans.tsv")
        >>> _ = table.write_text("my scans")
        >>> keep_edited(table).name, keep_edited(table).name
        ('scans.tsv.edited', 'scans.tsv.edited')
    """
    own = checksum(path)
    for number in count(1):
        suffix = EDITED if number == 1 else f"{EDITED}-{number}"
        kept = path.with_name(f"{path.name}{suffix}")
        if not kept.exists():
            with replacing(kept) as temporary:
                shutil.copyfile(path, temporary)
            return kept
        if checksum(kept) == own:
            return kept
    raise AssertionError  # numbers do not end


def require_as_written(path: Path, *, called: str = "") -> None:
    """Compare a file with the checksum beside it, if there is one.

    Args:
        path: the file.
        called: what messages call it instead of its name.

    Raises:
        DamagedError: it is not what was written. A copy is kept and it is deleted, so
            that the next run makes it again.
    """
    beside = checksum_path(path)
    if not (path.exists() and beside.exists()):
        return
    if not is_as_written(path):
        keep_edited(path)
        path.unlink()
        beside.unlink()
        raise DamagedError(
            f"{called or path.name} was changed since it was made; the next run makes "
            f"it again, and the changed one is kept beside it as *{EDITED}"
        )
