"""Which scanner made a scan, and how: the only header values that leave ingest."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydicom.dataset import Dataset

from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.deidentify.scanner_names import (
    redact_coil,
    redact_model,
    redact_reconstruction_kernel,
    redact_software,
)
from medinorm.ingest.dicom.files import items_of, numbers_of, text_of
from medinorm.scan import IDENTITY_COLUMNS

Facts = dict[str, str]

# A name in the header that contains the text on the left, in lower case. Companies that
# only make software are missing on purpose: they scanned nothing.
_VENDORS = {
    "siemens": "Siemens",
    "ge": "GE",
    "gems": "GE",
    "general electric": "GE",
    "philips": "Philips",
    "picker": "Philips",
    "canon": "Canon",
    "toshiba": "Canon",
    "hitachi": "Hitachi",
    "fujifilm": "Fujifilm",
    "fuji": "Fujifilm",
    "hyperfine": "Hyperfine",
    "united imaging": "United Imaging",
    "uih": "United Imaging",
    "bruker": "Bruker",
    "esaote": "Esaote",
    "neusoft": "Neusoft",
    "fonar": "Fonar",
    "paramed": "Paramed",
    "synaptive": "Synaptive",
    "anke": "Anke",
    "alltech": "Alltech",
    "aspect imaging": "Aspect",
    "mr solutions": "MR Solutions",
}

# What writes its name where the maker's belongs; they scanned nothing.
_PROGRAMS = (
    *("imaging biometrics", "pmod", "osirix", "horos", "mipav", "syngo.via", "mirada"),
    *("terarecon", "vital images", "invivo", "olea", "brainlab", "fmrib", "dcm4che"),
    *("mevis", "3d slicer", "radiant", "icometrix", "quibim", "corelab", "cortechs"),
)

# Magnets are sold by these numbers; headers give 1.494 or 2.89362.
_FIELDS = (
    *(0.05, 0.064, 0.2, 0.23, 0.25, 0.3, 0.35, 0.4, 0.5, 0.55, 0.6, 0.7, 1.0, 1.2),
    *(1.5, 3.0, 4.0, 4.7, 5.0, 7.0, 9.4, 10.5, 11.7, 14.0),
)
_FIELD_TOLERANCE = 0.05
_GAUSS = 10_000  # per tesla

_BIDS_KEYS = {
    "vendor": "Manufacturer",
    "model": "ManufacturersModelName",
    "field_strength": "MagneticFieldStrength",
    "software": "SoftwareVersions",
    "modality": "Modality",
    "repetition_time": "RepetitionTime",
    "echo_time": "EchoTime",
    "inversion_time": "InversionTime",
    "flip_angle": "FlipAngle",
    "kernel": "ConvolutionKernel",
    "coil": "ReceiveCoilName",
    "device": "DeviceSerialNumber",
    "site": "InstitutionName",
}
_NUMBERS = frozenset(
    {"field_strength", "repetition_time", "echo_time", "inversion_time", "flip_angle"}
)
_MODALITIES = frozenset({"MR", "CT", "PT"})
# Groups of a frame that hold its timing, coil and kernel.
_MAKING_GROUPS = (
    *("MRTimingAndRelatedParametersSequence", "MREchoSequence", "MRModifierSequence"),
    *("MRReceiveCoilSequence", "CTReconstructionSequence"),
)


def read_identity(header: Dataset, pseudonyms: Pseudonyms, frame: int = 0) -> Facts:
    """The scanner's identity and the main settings from one DICOM header.

    Args:
        header: of any file of the volume.
        pseudonyms: for the serial number (or station) and the institution.
        frame: one of the volume's in that file, from 0: others may be of other echoes.

    Returns:
        A value for each of `IDENTITY_COLUMNS`; unknown is empty.
    """
    vendor = vendor_of(text_of(header, "Manufacturer"))
    serial = text_of(header, "DeviceSerialNumber") or text_of(header, "StationName")
    site = text_of(header, "InstitutionName") or text_of(header, "InstitutionAddress")
    modality = text_of(header, "Modality")
    groups = [header, *_functional_groups(header, frame)]
    facts = {
        "vendor": vendor,
        "model": redact_model(text_of(header, "ManufacturerModelName"), pseudonyms),
        "field_strength": _text(
            nominal_field(_number(header, "MagneticFieldStrength"))
        ),
        "software": redact_software(text_of(header, "SoftwareVersions")),
        "kernel": redact_reconstruction_kernel(
            _first_text(groups, "ConvolutionKernel")
        ),
        "coil": redact_coil(_first_text(groups, "ReceiveCoilName"), pseudonyms),
        "device": pseudonyms.name("device", vendor, serial) if serial else "",
        "site": pseudonyms.name("site", site) if site else "",
        "modality": modality if modality in _MODALITIES else "",
    }
    return complete_identity(facts | _read_timing(groups))


def read_metadata(metadata: Mapping[str, Any], pseudonyms: Pseudonyms) -> Facts:
    """The same from a BIDS sidecar, whose times are in seconds.

    Args:
        metadata: the sidecar's entries.
        pseudonyms: as for `read_identity`.
    """
    texts = {
        name: " ".join(str(metadata.get(key) or "").split())
        for name, key in _BIDS_KEYS.items()
    }
    vendor = vendor_of(texts["vendor"])
    facts = {
        name: _text(_finite(metadata.get(_BIDS_KEYS[name]))) for name in _NUMBERS
    } | {
        "vendor": vendor,
        "model": redact_model(texts["model"], pseudonyms),
        "software": redact_software(texts["software"].replace("; ", "\\")),
        "kernel": redact_reconstruction_kernel(texts["kernel"].replace(";", " ")),
        "coil": redact_coil(texts["coil"], pseudonyms),
        "modality": texts["modality"] if texts["modality"] in _MODALITIES else "",
        "device": pseudonyms.name("device", vendor, texts["device"])
        if texts["device"]
        else "",
        "site": pseudonyms.name("site", texts["site"]) if texts["site"] else "",
    }
    field = nominal_field(_finite(metadata.get("MagneticFieldStrength")))
    return complete_identity(facts | {"field_strength": _text(field)})


def complete_identity(facts: Mapping[str, str]) -> Facts:
    """Facts with a cell for each identity column, `scanner` put together.

    Examples:
        >>> known = {"vendor": "GE", "model": "Signa HDxt", "field_strength": "1.5"}
        >>> complete_identity(known)["scanner"]
        'GE Signa HDxt 1.5T'
    """
    parts = [facts.get("vendor", ""), facts.get("model", "")]
    if facts.get("field_strength"):
        parts.append(f"{facts['field_strength']}T")
    scanner = " ".join(filter(None, parts)) if facts.get("vendor") else ""
    return {name: facts.get(name, "") for name in IDENTITY_COLUMNS} | {
        "scanner": scanner
    }


def bids_metadata(facts: Mapping[str, str]) -> dict[str, Any]:
    """Identity as entries of a BIDS sidecar; the unknown is left out."""
    return {
        key: float(facts[name]) if name in _NUMBERS else facts[name]
        for name, key in _BIDS_KEYS.items()
        if facts.get(name) and (name not in _NUMBERS or _finite(facts[name]))
    }


def spacing_text(spacing: Sequence[float]) -> str:
    """Voxel spacing in mm as one word, fit for a domain.

    Examples:
        >>> spacing_text((0.9375, 0.9375, 1.2000001))
        '0.94x0.94x1.2'
    """
    return "x".join(f"{round(axis, 2):g}" for axis in spacing)


def vendor_of(manufacturer: str) -> str:
    """The maker of a scanner by one name; empty if unknown or a maker of software.

    Examples:
        >>> vendor_of("GE MEDICAL SYSTEMS"), vendor_of("Imaging Biometrics LLC")
        ('GE', '')
    """
    text = " ".join(manufacturer.lower().replace("_", " ").split())
    if any(program in text for program in _PROGRAMS):
        return ""
    found = (name for part, name in _VENDORS.items() if re.search(rf"\b{part}\b", text))
    return next(found, "")


def nominal_field(tesla: float | None) -> float | None:
    """The field strength by which the magnet is sold.

    Args:
        tesla: as in the header; above 100 it is taken as gauss.

    Examples:
        >>> nominal_field(2.89362), nominal_field(15000.0), nominal_field(0.1)
        (3.0, 1.5, 0.1)
    """
    if tesla is None or tesla <= 0:
        return None
    tesla = tesla / _GAUSS if tesla > 100 else tesla
    nearest = min(_FIELDS, key=lambda field: abs(math.log(field / tesla)))
    return nearest if abs(nearest / tesla - 1) <= _FIELD_TOLERANCE else tesla


def _read_timing(groups: Sequence[Dataset]) -> Facts:
    """Times in s and the flip angle, from wherever this kind of object has them."""
    echo = _first(groups, "EchoTime") or _first(groups, "EffectiveEchoTime")
    inversion = _first(groups, "InversionTime") or _first(groups, "InversionTimes")
    return {
        "repetition_time": _seconds(_first(groups, "RepetitionTime")),
        "echo_time": _seconds(echo),
        "inversion_time": _seconds(inversion),
        "flip_angle": _text(_first(groups, "FlipAngle")),
    }


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


def _first_text(groups: Sequence[Dataset], keyword: str) -> str:
    """The first of several groups to give a text."""
    return next(filter(None, (text_of(group, keyword) for group in groups)), "")


def _first(groups: Sequence[Dataset], keyword: str) -> float | None:
    """The first of several groups to give a number."""
    numbers = (_number(group, keyword) for group in groups)
    return next((number for number in numbers if number is not None), None)


def _number(header: Dataset, keyword: str) -> float | None:
    """An element's single finite number."""
    numbers = numbers_of(header, keyword, 1)
    return _finite(numbers[0]) if numbers else None


def _finite(value: Any) -> float | None:
    """A finite number, or nothing."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _seconds(milliseconds: float | None) -> str:
    """Milliseconds as text in seconds; zero means that it was not used."""
    return _text(milliseconds / 1000) if milliseconds else ""


def _text(number: float | None) -> str:
    """A number as text; nothing as an empty cell."""
    return "" if number is None else f"{number:.6g}"
