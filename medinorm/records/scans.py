"""Usable scans, excluded ones, and the role of each scan in each split."""

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from medinorm.declarations import read_declarations
from medinorm.errors import StageError
from medinorm.files.records import read_records

# `unlabelled`: without a label map; harmonized and shown, never trained on or scored.
Role = Literal["train", "validation", "test", "unlabelled"]

FINAL = "final"
"""Name and design of the split in which all scans train and none tests."""

HARMONIZED_ONLY = (
    "harmonized only: no scan has a label map; the quality page shows the scans, and "
    "nothing is trained"
)
"""What a study without any label map says before and after its work."""

# What is known of a scanner is declared where it is read; nothing else lists it.
_IDENTITY = read_declarations(
    "medinorm.ingest.deidentify.scanner_identity", "identity_column"
)
IDENTITY_COLUMNS = tuple(_IDENTITY)
IDENTITY_UNITS: Mapping[str, str] = {
    name: str(declared.facts["unit"])
    for name, declared in _IDENTITY.items()
    if "unit" in declared.facts
}

if TYPE_CHECKING:

    class _Columns:
        """One field for each declared column; mypy takes any name for one."""

        __dataclass_fields__: ClassVar[dict[str, Field[str | None]]]

        def __init__(self, **columns: str | None) -> None: ...

        def __getattr__(self, column: str) -> str | None: ...

else:
    _Columns = make_dataclass(
        "_Columns",
        [(name, str | None, None) for name in IDENTITY_COLUMNS],
        frozen=True,
    )


class Identity(_Columns):
    """The scanner of a scan, and how the scan was made. Absent is ``None``.

    Numbers are texts too: a column of the user's may replace any of them.
    The columns are those that `medinorm.ingest.deidentify.scanner_identity` declares.

    Examples:
        >>> Identity(vendor="GE", field_strength="1.5").vendor
        'GE'
    """

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Self:
        """The identity among other texts by column; an empty one is absent."""
        return cls(**{name: texts.get(name) or None for name in IDENTITY_COLUMNS})

    @property
    def texts(self) -> dict[str, str]:
        """The columns by name; absent is empty."""
        return {name: getattr(self, name) or "" for name in IDENTITY_COLUMNS}

    def with_columns(self, **columns: str) -> "Identity":
        """The same with other values of some columns."""
        return Identity.of(self.texts | columns)


@dataclass(frozen=True)
class ScanRow:
    """One row of `scans.tsv`: a usable scan.

    Args:
        scan: its id, which names its files.
        subject: BIDS subject.
        session: BIDS session.
        image: canonical image, relative to the folder of canonical volumes.
        label: canonical label map, likewise, if there is one.
        channels: names of the image channels.
        content: checksum of image and label map: the table changes when they do.
        identity: the scanner.
        own: the user's columns that the study asks for.
    """

    scan: str
    subject: str
    session: str | None
    image: str
    label: str | None
    channels: tuple[str, ...]
    content: str
    identity: Identity = field(default_factory=Identity)
    own: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scan:
    """A usable scan and where its files are.

    Args:
        scan: its id, which names its files.
        subject: BIDS subject.
        session: BIDS session.
        image: canonical image.
        label: canonical label map.
        channels: names of the image channels.
    """

    scan: str
    subject: str
    session: str | None
    image: Path
    label: Path | None
    channels: tuple[str, ...]


@dataclass(frozen=True)
class ExcludedRow:
    """One row of `excluded.tsv`: a scan or series that is not used.

    Args:
        where: helps a person to find it; free of identifiers.
        scan: its id, if it has one.
        reason: why it is not used.
    """

    where: str
    scan: str | None
    reason: str


@dataclass(frozen=True)
class AccountRow:
    """One row of the account: what became of how many input files.

    Args:
        state: what became of the files.
        reason: why.
        files: how many of the input.
    """

    state: str
    reason: str
    files: int


@dataclass(frozen=True)
class SplitRow:
    """One row of `splits.tsv`: the role of a scan in a split.

    Args:
        split: name of the split.
        design: its design, one of `split.designs`.
        fold: the fold whose subjects test, from 0.
        scan: the scan's id.
        subject: its subject.
        domain: its domain.
        role: whether it trains, selects or tests, or has no label map to do so.
    """

    split: str
    design: str
    fold: int
    scan: str
    subject: str
    domain: str
    role: Role

    @property
    def segmented(self) -> bool:
        """Whether the networks of the split segment the scan.

        Scans without a label map are segmented once, by the networks of all domains;
        the other networks see them as unlabelled scans of a domain only.
        """
        if self.role == "unlabelled":
            return self.design == "pooled" and not self.fold
        return self.role == "test"


def is_harmonized_only(splits: Iterable[SplitRow]) -> bool:
    """Whether a study ends after harmonize, because no scan has a label map."""
    return {row.role for row in splits} == {"unlabelled"}


def read_scans(path: Path, canonical: Path) -> dict[str, Scan]:
    """Read `scans.tsv` as scans by id.

    Args:
        path: the table.
        canonical: folder to which its paths are relative.

    Raises:
        StageError: the table is missing, empty or lacks a column.
    """
    rows = read_records(path, ScanRow)
    if not rows:
        raise StageError(
            f"{path.name}: no usable scan; excluded.tsv beside it has the reasons"
        )
    return {row.scan: _locate(row, canonical) for row in rows}


def _locate(row: ScanRow, canonical: Path) -> Scan:
    """One row with the paths of its files."""
    return Scan(
        scan=row.scan,
        subject=row.subject,
        session=row.session,
        image=canonical / row.image,
        label=canonical / row.label if row.label else None,
        channels=row.channels,
    )
