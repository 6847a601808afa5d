"""Makers of scanners by one name each, and the magnets that they sell."""

import math
import re

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

# Programs that write their own name in place of the maker's; they scanned nothing.
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


def vendor_of(manufacturer: str) -> str:
    """The maker of a scanner by one name; empty if unknown or a maker of software.

    Examples:
        >>> vendor_of("GE MEDICAL SYSTEMS"), vendor_of("Imaging Biometrics LLC")
        ('GE', '')
    """
    text = " ".join(manufacturer.lower().replace("_", " ").split())
    if any(program in text for program in _PROGRAMS):
        return ""
    names = (name for word, name in _VENDORS.items() if re.search(rf"\b{word}\b", text))
    return next(names, "")


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
