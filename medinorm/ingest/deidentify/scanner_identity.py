"""Which scanner made a scan, and how: the only header values that leave ingest."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeVar

from pydicom.dataset import Dataset

from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.deidentify.scanner_models import name_model
from medinorm.ingest.deidentify.scanner_names import (
    redact_coil,
    redact_model,
    redact_reconstruction_kernel,
    redact_software,
)
from medinorm.ingest.deidentify.vendors import nominal_field, vendor_of
from medinorm.ingest.dicom.files import items_of, numbers_of, text_of
from medinorm.records.scans import Identity

_MODALITIES = frozenset({"MR", "CT", "PT"})
_OTHERWISE_IN_BIDS = {"ManufacturerModelName": "ManufacturersModelName"}
# Groups of a frame that hold its timing, coil and reconstruction kernel.
_MAKING_GROUPS = (
    *("MRTimingAndRelatedParametersSequence", "MREchoSequence", "MRModifierSequence"),
    *("MRReceiveCoilSequence", "CTReconstructionSequence"),
)


class Header(Protocol):
    """What a column is read from: a DICOM header, or a BIDS sidecar.

    Values are asked for by DICOM keyword.
    """

    @property
    def pseudonyms(self) -> Pseudonyms:
        """For what may name a person or a place."""

    def text(self, *keywords: str) -> str:
        """The first of several elements that has a text, or nothing."""

    def texts(self, keyword: str) -> str:
        r"""All texts of one element, joined by ``\``."""

    def number(self, keyword: str) -> float | None:
        """The one finite number of an element."""

    def seconds(self, *keywords: str) -> float | None:
        """The first of several elements that has a time, in s."""


_Read = Callable[[Header], str | float | None]
_R = TypeVar("_R", bound=_Read)


@dataclass(frozen=True)
class _IdentityColumn:
    """One column of a scanner's identity.

    Args:
        text: what it is.
        read: how it is read from a header.
        unit: of a number.
        bids: its name in a BIDS sidecar.
    """

    text: str
    read: _Read
    unit: str | None = None
    bids: str | None = None


_COLUMNS: dict[str, _IdentityColumn] = {}


def identity_column(
    name: str, text: str, *, unit: str | None = None, bids: str | None = None
) -> Callable[[_R], _R]:
    """Declare a column of a scanner's identity by how it is read from a header.

    The columns of tables follow from it, see `medinorm.records.scans.Identity`. Text
    in a header may name a person: the reader keeps listed words only, or makes a
    pseudonym of the text.

    Args:
        name: of the column.
        text: what it is.
        unit: of a number.
        bids: its name in a BIDS sidecar, if BIDS has one.
    """

    def declare(read: _R) -> _R:
        _COLUMNS[name] = _IdentityColumn(text, read, unit, bids)
        return read

    return declare


@identity_column("scanner", "Vendor, model and field strength: one kind of device.")
def _scanner(header: Header) -> str:
    field = _text(_field_strength(header))
    parts = [_vendor(header), _model(header), f"{field}T" if field else ""]
    return " ".join(filter(None, parts)) if parts[0] else ""


@identity_column("vendor", "Manufacturer of the scanner.", bids="Manufacturer")
def _vendor(header: Header) -> str:
    return vendor_of(header.text("Manufacturer"))


@identity_column("model", "Model of the scanner.", bids="ManufacturersModelName")
def _model(header: Header) -> str:
    model = header.text("ManufacturerModelName")
    return name_model(redact_model(model, header.pseudonyms))


@identity_column(
    "field_strength",
    "Nominal, as the magnet is sold.",
    unit="T",
    bids="MagneticFieldStrength",
)
def _field_strength(header: Header) -> float | None:
    return nominal_field(header.number("MagneticFieldStrength"))


@identity_column(
    "software", "Versions of the scanner software.", bids="SoftwareVersions"
)
def _software(header: Header) -> str:
    return redact_software(header.texts("SoftwareVersions"))


@identity_column(
    "device",
    "Keyed pseudonym of the serial number or station.",
    bids="DeviceSerialNumber",
)
def _device(header: Header) -> str:
    serial = header.text("DeviceSerialNumber", "StationName")
    name = header.pseudonyms.name
    return name("device", _vendor(header), serial) if serial else ""


@identity_column(
    "site",
    "Keyed pseudonym of the institution, or the user's own column.",
    bids="InstitutionName",
)
def _site(header: Header) -> str:
    site = header.text("InstitutionName", "InstitutionAddress")
    return header.pseudonyms.name("site", site) if site else ""


@identity_column("modality", "DICOM's code, such as MR.", bids="Modality")
def _modality(header: Header) -> str:
    modality = header.text("Modality")
    return modality if modality in _MODALITIES else ""


@identity_column(
    "repetition_time", "Of the pulse sequence.", unit="s", bids="RepetitionTime"
)
def _repetition_time(header: Header) -> float | None:
    return header.seconds("RepetitionTime")


@identity_column("echo_time", "Of the pulse sequence.", unit="s", bids="EchoTime")
def _echo_time(header: Header) -> float | None:
    return header.seconds("EchoTime", "EffectiveEchoTime")


@identity_column(
    "inversion_time", "Of the pulse sequence.", unit="s", bids="InversionTime"
)
def _inversion_time(header: Header) -> float | None:
    return header.seconds("InversionTime", "InversionTimes")


@identity_column("flip_angle", "Of the excitation.", unit="degrees", bids="FlipAngle")
def _flip_angle(header: Header) -> float | None:
    return header.number("FlipAngle")


@identity_column(
    "reconstruction_kernel",
    "Name of the CT reconstruction kernel.",
    bids="ConvolutionKernel",
)
def _reconstruction_kernel(header: Header) -> str:
    return redact_reconstruction_kernel(header.texts("ConvolutionKernel"))


@identity_column("coil", "The receive coil.", bids="ReceiveCoilName")
def _coil(header: Header) -> str:
    return redact_coil(header.text("ReceiveCoilName"), header.pseudonyms)


@identity_column("spacing", "Of the scan's voxels as acquired.", unit="mm")
def _spacing(_header: Header) -> str:
    """Not from the header: convert measures the volume, see `spacing_text`."""
    return ""


@dataclass(frozen=True)
class _DicomHeader:
    """A DICOM header, and the groups that say how one of its frames was made."""

    groups: Sequence[Dataset]
    pseudonyms: Pseudonyms

    def text(self, *keywords: str) -> str:
        texts = (
            text_of(group, keyword) for keyword in keywords for group in self.groups
        )
        return next(filter(None, texts), "")

    def texts(self, keyword: str) -> str:
        return self.text(keyword)

    def number(self, keyword: str) -> float | None:
        numbers = (_number(group, keyword) for group in self.groups)
        return next((number for number in numbers if number is not None), None)

    def seconds(self, *keywords: str) -> float | None:
        # Milliseconds; zero means that it was not used.
        times = next(filter(None, map(self.number, keywords)), None)
        return times / 1000 if times else None


@dataclass(frozen=True)
class _Sidecar:
    """A BIDS sidecar; what its specification does not name is not read."""

    entries: Mapping[str, object]
    pseudonyms: Pseudonyms

    def text(self, *keywords: str) -> str:
        texts = (
            " ".join(str(self._entry(keyword) or "").split()) for keyword in keywords
        )
        return next(filter(None, texts), "")

    def texts(self, keyword: str) -> str:
        return "\\".join(re.split("; ?", self.text(keyword)))

    def number(self, keyword: str) -> float | None:
        return _finite(self._entry(keyword))

    def seconds(self, *keywords: str) -> float | None:
        times = map(self.number, keywords)
        return next((time for time in times if time is not None), None)

    def _entry(self, keyword: str) -> object:
        key = _OTHERWISE_IN_BIDS.get(keyword, keyword)
        return self.entries.get(key) if key in _bids_names() else None


@cache
def _bids_names() -> frozenset[str | None]:
    """The entries that columns are read from."""
    return frozenset(column.bids for column in _COLUMNS.values())


def read_identity(header: Dataset, pseudonyms: Pseudonyms, frame: int = 0) -> Identity:
    """The scanner's identity and the main settings from one DICOM header.

    Args:
        header: of any file of the volume.
        pseudonyms: for the serial number (or station) and the institution.
        frame: one of the volume's in that file, from 0: others may be of other echoes.
    """
    groups = [header, *_functional_groups(header, frame)]
    return _identity(_DicomHeader(groups, pseudonyms))


def read_metadata(metadata: Mapping[str, object], pseudonyms: Pseudonyms) -> Identity:
    """The same from a BIDS sidecar, whose times are in seconds.

    Args:
        metadata: the sidecar's entries.
        pseudonyms: as for `read_identity`.
    """
    return _identity(_Sidecar(metadata, pseudonyms))


def _identity(header: Header) -> Identity:
    """All columns from one header."""
    return Identity.of(
        {name: _text(column.read(header)) for name, column in _COLUMNS.items()}
    )


def bids_metadata(identity: Identity) -> dict[str, str | float]:
    """Identity as entries of a BIDS sidecar; the unknown is left out."""
    texts = identity.texts
    values = {
        column.bids: texts[name] if column.unit is None else _finite(texts[name])
        for name, column in _COLUMNS.items()
        if column.bids
    }
    return {key: value for key, value in values.items() if value}


def spacing_text(spacing: Sequence[float]) -> str:
    """Voxel spacing in mm as one word, fit for a domain.

    Examples:
        >>> spacing_text((0.9375, 0.9375, 1.2000001))
        '0.94x0.94x1.2'
    """
    return "x".join(f"{round(axis, 2):g}" for axis in spacing)


def _functional_groups(header: Dataset, frame: int) -> list[Dataset]:
    """The groups that say how a frame of a multi-frame object was made."""
    own = items_of(header, "PerFrameFunctionalGroupsSequence")[frame : frame + 1]
    shared = items_of(header, "SharedFunctionalGroupsSequence")[:1]
    return [
        group
        for item in (*shared, *own)
        for name in _MAKING_GROUPS
        for group in items_of(item, name)[:1]
    ]


def _number(header: Dataset, keyword: str) -> float | None:
    """An element's single finite number."""
    numbers = numbers_of(header, keyword, 1)
    return _finite(numbers[0]) if numbers else None


def _finite(value: object) -> float | None:
    """A finite number, or nothing."""
    try:
        number = float(value)  # type: ignore[arg-type]  # what is none raises
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _text(value: str | float | None) -> str:
    """A value as text; nothing as an empty cell."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value or ""
