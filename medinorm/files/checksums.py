"""Checksums beside tables and other files without a sidecar.

A flipped bit in a table is a different number, and a table that was cut at the end of a
line is a smaller study: neither can be seen in the table. What a stage hands to the
next therefore has its checksum in a hidden file beside it, which is compared on
reading. A file of a user's has none and is taken as it is.
"""

from pathlib import Path

from medinorm.errors import DamagedError
from medinorm.files.atomic import checksum, replacing


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


def require_as_written(path: Path, *, called: str = "") -> None:
    """Compare a file with the checksum beside it, if there is one.

    Args:
        path: the file.
        called: what messages call it instead of its name.

    Raises:
        DamagedError: it is not what was written. It is deleted, so that the next run
            makes it again.
    """
    beside = checksum_path(path)
    if not (path.exists() and beside.exists()):
        return
    if beside.read_bytes().strip() != checksum(path).encode():
        path.unlink()
        beside.unlink()
        raise DamagedError(
            f"{called or path.name} was changed since it was made; the next run makes "
            "it again"
        )
