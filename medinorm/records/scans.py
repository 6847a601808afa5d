"""Usable scans, excluded ones, and the role of each scan in each split."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Identity:
    """The scanner of a scan, and how the scan was made. Absent is ``None``.

    Args:
        scanner: vendor, model and field strength: one kind of device.
        vendor: its manufacturer.
        model: its model.
        field_strength: in T.
        software: its version.
        device: keyed pseudonym of the serial number or station.
        site: keyed pseudonym of the institution, or the user's own column.
        modality: DICOM's word, such as MR.
        repetition_time: in s.
        echo_time: in s.
        inversion_time: in s.
        flip_angle: in degrees.
        kernel: of reconstruction, in CT.
        coil: the one that received.
        spacing: of the scan's voxels as acquired, in mm: three numbers and ``x``.
    """

    scanner: str | None = None
    vendor: str | None = None
    model: str | None = None
    field_strength: str | None = None
    software: str | None = None
    device: str | None = None
    site: str | None = None
    modality: str | None = None
    repetition_time: str | None = None
    echo_time: str | None = None
    inversion_time: str | None = None
    flip_angle: str | None = None
    kernel: str | None = None
    coil: str | None = None
    spacing: str | None = None


@dataclass(frozen=True)
class ScanRow:
    """One row of `scans.tsv`: a usable scan.

    Args:
        scan: its id, which names its files.
        subject: BIDS subject.
        session: BIDS session.
        image: canonical image, relative to the folder of canonical volumes.
        label: canonical label map, likewise.
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
    identity: Identity = Identity()
    own: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ExcludedRow:
    """One row of `excluded.tsv`: a scan or series that is not used.

    Args:
        where: how a person finds it, free of identifiers.
        scan: its id, if it has one.
        reason: why it is not used.
    """

    where: str
    scan: str | None
    reason: str


@dataclass(frozen=True)
class AccountRow:
    """One row of the account: how many input files ended how.

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
        design: its design: ``lodo``, ``pooled`` or ``single``.
        fold: which part of the subjects tests, from 0.
        scan: the scan's id.
        subject: its subject.
        domain: its domain.
        role: whether it trains, selects or tests.
    """

    split: str
    design: str
    fold: int
    scan: str
    subject: str
    domain: str
    role: Role
