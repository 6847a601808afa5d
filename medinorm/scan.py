"""The tables stages hand to each other, and the names of what they describe."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medinorm.errors import StageError
from medinorm.files.tables import Row, read_table

Role = Literal["train", "validation", "test"]

# The private plan: one row a candidate scan. `source` is JSON that only the reader of
# its `kind` understands; it holds paths and never leaves the private folder.
PLAN_COLUMNS = ("scan", "subject", "session", "kind", "where", "source")

# Status of one converted candidate; `facts` is JSON: the columns below and those of the
# user's that the study asks for.
CONVERTED_COLUMNS = ("scan", "subject", "session", "where", "state", "reason", "facts")

# Identity of the scanner, and how the scan was made. Absent is an empty cell.
IDENTITY_COLUMNS = (
    "scanner",  # vendor, model and field strength: one kind of device
    "vendor",
    "model",
    "field_strength",  # T
    "software",
    "device",  # keyed pseudonym of the serial number or station
    "site",  # keyed pseudonym of the institution, or the user's own column
    "modality",
    "repetition_time",  # s
    "echo_time",  # s
    "inversion_time",  # s
    "flip_angle",  # degrees
    "kernel",  # of reconstruction, in CT
    "coil",  # that received
    "spacing",  # of the scan's voxels as acquired, in mm
)

# scans.tsv: these, then identity and the user's columns that the study asks for. Paths
# are relative to the folder of canonical volumes.
SCAN_COLUMNS = (
    "scan",
    "subject",
    "session",
    "image",
    "label",
    "channels",
    "content",  # checksum of image and label map: the table changes when they do
)
EXCLUDED_COLUMNS = ("where", "scan", "reason")
ACCOUNT_COLUMNS = ("state", "reason", "files")  # files: how many of the input
SPLIT_COLUMNS = ("split", "design", "fold", "scan", "subject", "domain", "role")

SCORE_COLUMNS = (
    "intensity",
    "norm",
    "adapt",
    "split",
    "seed",
    "scan",
    "label",
    "state",  # scored, missing (no prediction) or empty (nothing in either)
    "dice",
    "nsd",
    "hd95",  # mm
    "voxels_label",
    "voxels_prediction",
)


@dataclass(frozen=True)
class Scan:
    """A usable scan in the study.

    Args:
        scan: its id, which names its files.
        subject: BIDS subject.
        session: BIDS session, or empty.
        image: canonical image.
        label: canonical label map, or ``None``.
        channels: names of the image channels.
    """

    scan: str
    subject: str
    session: str
    image: Path
    label: Path | None
    channels: tuple[str, ...]


def read_scans(path: Path, canonical: Path) -> dict[str, Scan]:
    """Read `scans.tsv` as scans by id.

    Args:
        path: the table.
        canonical: folder to which its paths are relative.

    Raises:
        StageError: the table is missing, empty or lacks a column.
    """
    rows = read_table(path, required=SCAN_COLUMNS)
    if not rows:
        raise StageError(
            f"{path.name}: no usable scan; excluded.tsv beside it has the reasons"
        )
    return {row["scan"]: _scan(row, canonical) for row in rows}


def _scan(row: Row, canonical: Path) -> Scan:
    """One row as a scan."""
    return Scan(
        scan=row["scan"],
        subject=row["subject"],
        session=row["session"],
        image=canonical / row["image"],
        label=canonical / row["label"] if row["label"] else None,
        channels=tuple(row["channels"].split(",")),
    )


def slug(text: str) -> str:
    """Text as part of a file name: letters, digits and points, hyphens between.

    Examples:
        >>> slug("GE Signa HDxt 1.5T")
        'GE-Signa-HDxt-1.5T'
    """
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-") or "unknown"
