"""Image files as a table of scans, which ingest reads."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.formats import image_suffixes
from medinorm.files.tables import write_table
from medinorm.files.user_tables import is_absent

_UNFIT = re.compile(r"[\t\n\r\ud800-\udfff]")  # for a cell of a table in UTF-8
TABLE = "images.tsv"  # in the private folder: names of files may name patients


def list_images(images: Sequence[Path], private: Path, channel: str) -> Path:
    """Write a table with one scan for each image file.

    The subject is the file's name without its suffix, which ingest turns into a
    pseudonym unless it is told to keep it.

    Args:
        images: files, and folders in which files are looked for.
        private: folder to write the table to.
        channel: name of the only channel.

    Returns:
        The table.

    Raises:
        StageError: there is no image, two have one name, or a name cannot stand in a
            table.
    """
    files = [path for image in images for path in _files_in(image)]
    if not files:
        raise StageError(
            "--images: no image file is there; name files or folders, and give folders "
            "of DICOM to --dicom"
        )
    # A cell that says "nan" is an empty one: such a file keeps its suffix.
    names = [path.name if is_absent(_stem(path)) else _stem(path) for path in files]
    if strange := sum(bool(_UNFIT.search(str(path))) for path in files):
        raise StageError(
            f"--images: {strange} of {len(files)} has a path with tabs, line breaks or "
            "bytes that are not UTF-8; rename it"
        )
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise StageError(
            f"--images: {len(twice)} names stand for several files; rename them, or "
            "give --scans with a column subject"
        )
    rows = [
        {"subject": name, channel: str(path.absolute())}
        for name, path in zip(names, files, strict=True)
    ]
    private.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_table(private / TABLE, rows, ("subject", channel))
    return private / TABLE


def _files_in(path: Path) -> Iterator[Path]:
    """A file, or the image files of a folder."""
    if not path.is_dir():
        yield path
        return
    for inner in sorted(path.rglob("*")):
        if inner.is_file() and inner.name.lower().endswith(tuple(image_suffixes())):
            yield inner


def _stem(path: Path) -> str:
    """The name of a file without the suffix of an image.

    Examples:
        >>> _stem(Path("a/b.nii.gz"))
        'b'
    """
    for suffix in sorted(image_suffixes(), key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem
