"""Headers of some scans of a table, a BIDS folder or a DICOM folder, read quickly.

This is a first look, not ingest: what cannot be read is passed over.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.errors import InvalidDicomError

from medinorm.errors import StageError
from medinorm.files.user_tables import TableRow, present, read_user_table
from medinorm.training_plan.cohort import ScanHeader

READ = 100  # scans whose header is read, evenly over all
_DICOM_READ = 3000  # files
_FEWEST = 8  # slices of a series that is a scan and no localizer
_MOST = 40  # values of a column that may be a domain
# Words in the names of columns that say where a scan comes from, the best first.
_ORIGINS = (
    *("scanner", "device", "site", "vendor", "domain", "manufacturer", "centre"),
    *("center", "hospital", "institution", "model", "protocol", "field", "cohort"),
)
_TAGS = [
    *("SeriesInstanceUID", "Rows", "Columns", "PixelSpacing", "SliceThickness"),
    *("ImageOrientationPatient", "ImagePositionPatient", "Manufacturer"),
    "ManufacturerModelName",
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FirstLook:
    """What a first look at the scans shows.

    Args:
        headers: of those that were read.
        scans: how many there are.
        domain: the column that may tell domains apart, if one does.
    """

    headers: tuple[ScanHeader, ...]
    scans: int
    domain: str = ""


def look_at_table(table: Path) -> FirstLook:
    """The headers of some scans of a table with a column ``image``.

    Raises:
        StageError: the table is no table of scans.
    """
    lines = read_user_table(table, ("subject", "image"), called="the table of scans")
    rows = [line for line in lines if not line.problem and present(line.cells["image"])]
    domain = find_domain(rows)
    chosen = _evenly(rows)
    images = {
        table.parent / row.cells["image"]: row.cells.get(domain, "") for row in chosen
    }
    return FirstLook(_read_images(images), len(rows), domain)


def look_at_bids(folder: Path) -> FirstLook:
    """The headers of some images of a BIDS folder."""
    images = sorted(folder.glob("sub-*/**/anat/*.nii*"))
    return FirstLook(_read_images(dict.fromkeys(_evenly(images), "")), len(images))


def look_at_dicom(folder: Path) -> FirstLook:
    """The series of a DICOM folder, from the headers of at most 3,000 files.

    Of more files, those of some subfolders are read, evenly over all; how many scans
    there are is then an estimate.
    """
    folders: dict[Path, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            folders[path.parent].append(path)
    total = sum(map(len, folders.values()))
    chosen = _choose_files(list(folders.values()), total)
    series = defaultdict(list)
    for path in chosen:
        try:
            file = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
        except (InvalidDicomError, OSError, ValueError):
            continue
        series[str(file.get("SeriesInstanceUID", ""))].append(file)
    headers = [_header_of_series(each) for each in series.values()]
    scans = tuple(header for header in headers if header is not None)
    if len(chosen) == total:
        return FirstLook(scans, len(scans), "scanner")
    _log.warning(
        "read %d of %d files: numbers of scans, hours and disk are estimates",
        *(len(chosen), total),
    )
    return FirstLook(scans, round(len(scans) * total / len(chosen)), "scanner")


def _choose_files(folders: Sequence[Sequence[Path]], total: int) -> list[Path]:
    """Whole folders, evenly over all, with at most about 3,000 files."""
    every = -(-total // _DICOM_READ) or 1
    chosen = [path for files in folders[::every] for path in files]
    return chosen[:_DICOM_READ]


def find_domain(rows: Sequence[TableRow]) -> str:
    """The column that says where a scan comes from, by its name.

    A column of another name is never proposed: a study over sexes or diagnoses would
    answer another question.

    Returns:
        Its name; empty if there is none.
    """
    columns = list(rows[0].cells) if rows else []
    values = {
        name: Counter(row.cells.get(name, "") for row in rows) for name in columns
    }
    able = [name for name in columns if 1 < len(values[name]) <= _MOST]
    named = (name for word in _ORIGINS for name in able if word in name.lower())
    return next(named, "")


def _evenly(items: Sequence[TableRow] | Sequence[Path]) -> list:  # type: ignore[type-arg]
    """At most 100 items, evenly over all."""
    return list(items[:: -(-len(items) // READ) or 1])


def _read_images(images: Mapping[Path, str]) -> tuple[ScanHeader, ...]:
    """The headers of images that can be read, with their domains."""
    headers = (_header_of_image(path, domain) for path, domain in images.items())
    return tuple(header for header in headers if header is not None)


def _header_of_image(path: Path, domain: str) -> ScanHeader | None:
    """The header of one image of any format; none, if it cannot be read."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None
    if reader.GetDimension() < 3:
        return None
    rank = reader.GetDimension()
    turn = np.reshape(reader.GetDirection(), (rank, rank))[:3, :3]
    return _oriented(turn, reader.GetSize()[:3], reader.GetSpacing()[:3], domain)


def _header_of_series(files: Sequence[pydicom.Dataset]) -> ScanHeader | None:
    """The header of one DICOM series; none, if it is no stack of slices."""
    first = files[0]
    try:
        row, column = np.reshape(
            [float(v) for v in first.ImageOrientationPatient], (2, 3)
        )
        normal = np.cross(row, column)
        each = [normal @ np.array(f.ImagePositionPatient, float) for f in files]
        # Echoes and time points lie at the same places.
        places = {round(float(place), 2) for place in each if np.isfinite(place)}
        count = len(places)
        between = (max(places, default=0) - min(places, default=0)) / max(1, count - 1)
        high, wide = (float(value) for value in first.PixelSpacing)
        sizes = (int(first.Columns), int(first.Rows), count)
    except (AttributeError, TypeError, ValueError):
        return None
    if count < _FEWEST or between <= 0:
        return None
    domain = f"{first.get('Manufacturer', '')} {first.get('ManufacturerModelName', '')}"
    turn = np.stack([row, column, normal], axis=1)
    return _oriented(turn, sizes, (wide, high, between), domain)


def _oriented(
    turn: np.ndarray, sizes: Iterable[int], spacing: Iterable[float], domain: str
) -> ScanHeader | None:
    """A header along R, A and S; none, if two axes point the same way."""
    along = np.abs(turn).argmax(axis=0).tolist()
    if sorted(along) != [0, 1, 2]:
        return None
    order = [along.index(axis) for axis in range(3)]
    grid, steps = list(sizes), list(spacing)
    x, y, z = (int(grid[axis]) for axis in order)
    a, b, c = (round(float(steps[axis]), 4) for axis in order)
    if min(a, b, c) <= 0:
        return None
    return ScanHeader(domain, (x, y, z), (a, b, c))


def require_headers(look: FirstLook) -> FirstLook:
    """The same, if there is anything to plan with.

    Raises:
        StageError: no header could be read.
    """
    if not look.headers:
        raise StageError(
            "no scan could be read there; check the paths of the table, or give the "
            "folder that holds the files"
        )
    return look
