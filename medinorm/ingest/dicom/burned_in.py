"""Images whose pixels may show a patient's name: held back until somebody looks.

Text in pixels cannot be removed with the header, and a search for it in pixels misses
some. Therefore an image is quarantined if its header says that it came to be in a way
that often leaves text in the pixels. Each such way is one entry in `BURNED_IN_RULES`.
"""

from collections.abc import Mapping, Sequence

from medinorm.ingest.dicom.exclusion_rules import (
    ExclusionRule,
    against_class,
    first_reason,
)

_STORAGE = "1.2.840.10008.5.1.4.1.1"
_CAPTURE = "a secondary capture: writing in its pixels may name the patient"
_ULTRASOUND = "ultrasound: scanners write the patient's name into the pixels"
_PHOTOGRAPH = "a photograph or video, which may show the patient"

_COLOURS = ("RGB", "YBR", "PALETTE")
_SCREENS = (
    *("SCREEN SAVE", "SCREENSAVE", "SCREEN_SAVE", "SCREENSHOT", "SCREEN SHOT"),
    *("SCREEN CAPTURE", "SCREEN_CAPTURE", "CAPTURED", "SECONDARY CAPTURE"),
    *("DOSE_INFO", "DOSE INFO", "DOSE REPORT", "DOSE RECORD", "DOSE SUMMARY"),
    *("DOSE PAGE", "PATIENT PROTOCOL", "PATIENT_PROTOCOL", "EXAM PROTOCOL", "DOSEINFO"),
)
# Film digitizers, and workstations that write names into the series they save.
_DEVICES = (
    *("VIDAR", "LUMISYS", "HOWTEK", "ARRAY CORP", "DIGITIZER", "FRAME GRABBER"),
    *("VITREA", "TERARECON", "AQUARIUS", "ZIOSTATION", "BRAINLAB", "PACSGEAR"),
    *("MEDRAD", "CERTEGRA", "BAYER HEALTHCARE", "RADIMETRICS", "DOSEWATCH"),
)


def _against_value(reason: str, keyword: str, *unwanted: str) -> ExclusionRule:
    """A rule against images in which one header element has an unwanted value."""
    return ExclusionRule(
        reason, lambda values: values.get(keyword, "") in unwanted, [keyword]
    )


def _is_from_workstation(values: Mapping[str, str]) -> bool:
    """Whether the device is known to write names into images."""
    device = (values.get("Manufacturer", ""), values.get("ManufacturerModelName", ""))
    return any(word in text for word in _DEVICES for text in device)


def _is_screen(values: Mapping[str, str]) -> bool:
    """Whether an image is a saved screen or a page of a report."""
    titles = (values.get("ImageType", ""), values.get("SeriesDescription", ""))
    return any(word in text.replace("-", " ") for word in _SCREENS for text in titles)


def _is_coloured(values: Mapping[str, str]) -> bool:
    """Whether pixels are colours, not grey values."""
    coloured = values.get("PhotometricInterpretation", "").startswith(_COLOURS)
    return coloured or values.get("SamplesPerPixel", "") not in {"", "1"}


# The first that applies gives the reason. Values are upper case, with single blanks.
BURNED_IN_RULES: Sequence[ExclusionRule] = (
    _against_value(
        "text is drawn into the pixels and may name the patient",
        *("BurnedInAnnotation", "YES"),
    ),
    against_class(_CAPTURE, f"{_STORAGE}.7"),
    against_class(_ULTRASOUND, f"{_STORAGE}.3", f"{_STORAGE}.6"),
    against_class(_PHOTOGRAPH, f"{_STORAGE}.77"),
    against_class("a document, which may name the patient", f"{_STORAGE}.104"),
    _against_value(_ULTRASOUND, "Modality", "US", "IVUS", "BDUS"),
    _against_value(_PHOTOGRAPH, "Modality", "XC", "GM", "ES", "SM", "OP"),
    _against_value(_CAPTURE, "Modality", "OT", "SC", "HC", "DOC"),
    # Scanned film, video, paper and the screens of workstations; all other values say
    # that a program made the image.
    _against_value(
        "scanned or captured, not measured: the pixels may name the patient",
        *("ConversionType", "DV", "DF", "WSD", "SD", "SI", "DRW"),
    ),
    ExclusionRule(
        "made by a device that writes names into images",
        _is_from_workstation,
        ["Manufacturer", "ManufacturerModelName"],
    ),
    ExclusionRule(
        "a saved screen or dose page, which may name the patient",
        _is_screen,
        ["ImageType", "SeriesDescription"],
    ),
    ExclusionRule(
        "a coloured image: its legend may name the patient",
        _is_coloured,
        ["PhotometricInterpretation", "SamplesPerPixel"],
    ),
)

# What the rules need to know.
BURNED_IN_KEYWORDS: Sequence[str] = tuple(
    dict.fromkeys(keyword for rule in BURNED_IN_RULES for keyword in rule.keywords)
)


def burned_in_risk(values: Mapping[str, str]) -> str:
    r"""Why text in the pixels may name the patient; empty if nothing says so.

    Args:
        values: texts of the header by keyword, several joined by ``\``; those in
            `BURNED_IN_KEYWORDS` count, as far as they are there.

    Examples:
        >>> burned_in_risk({"Modality": "MR", "BurnedInAnnotation": "YES"})
        'text is drawn into the pixels and may name the patient'
        >>> burned_in_risk({"Modality": "MR", "ImageType": "ORIGINAL\\PRIMARY\\M"})
        ''
    """
    folded = {name: _folded(values.get(name, "")) for name in BURNED_IN_KEYWORDS}
    return first_reason(BURNED_IN_RULES, folded)


def _folded(text: str) -> str:
    """Upper case, one blank between words."""
    return " ".join(text.upper().split())
