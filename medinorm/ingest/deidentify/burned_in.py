"""Pictures whose pixels may show a name: quarantined, because nobody looked at them.

Writing on a picture cannot be removed from a header, and finding it in pixels misses
some. What a header says about how the picture came to be is enough to hold it back.
"""

from collections.abc import Mapping, Sequence

# What the judgement needs to know, as DICOM keywords.
BURNED_IN_KEYWORDS = (
    *("BurnedInAnnotation", "SOPClassUID", "Modality", "ConversionType", "ImageType"),
    *("Manufacturer", "ManufacturerModelName", "SeriesDescription"),
    *("SamplesPerPixel", "PhotometricInterpretation"),
)

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_CLASSES = {
    "7": "a secondary capture: writing in its pixels may name the patient",
    "3": "ultrasound: scanners write the patient's name into the pixels",
    "6": "ultrasound: scanners write the patient's name into the pixels",
    "77": "a photograph or video, which may show the patient",
    "104": "a document, which may name the patient",
}
_MODALITIES = {
    **dict.fromkeys(("US", "IVUS", "BDUS"), _CLASSES["3"]),
    **dict.fromkeys(("XC", "GM", "ES", "SM", "OP"), _CLASSES["77"]),
    **dict.fromkeys(("OT", "SC", "HC", "DOC"), _CLASSES["7"]),
}
# Scanned film, video, paper and the screens of workstations; not made by a program.
_CONVERSIONS = frozenset({"DV", "DF", "WSD", "SD", "SI", "DRW"})

_SCREENS = (
    *("SCREEN SAVE", "SCREENSAVE", "SCREEN_SAVE", "SCREENSHOT", "SCREEN SHOT"),
    *("SCREEN CAPTURE", "SCREEN_CAPTURE", "CAPTURED", "SECONDARY CAPTURE"),
    *("DOSE_INFO", "DOSE INFO", "DOSE REPORT", "DOSE RECORD", "DOSE SUMMARY"),
    *("DOSE PAGE", "PATIENT PROTOCOL", "PATIENT_PROTOCOL", "EXAM PROTOCOL", "DOSEINFO"),
)
# Film digitizers and workstations that draw names into the series they save.
_DEVICES = (
    *("VIDAR", "LUMISYS", "HOWTEK", "ARRAY CORP", "DIGITIZER", "FRAME GRABBER"),
    *("VITREA", "TERARECON", "AQUARIUS", "ZIOSTATION", "BRAINLAB", "PACSGEAR"),
    *("MEDRAD", "CERTEGRA", "BAYER HEALTHCARE", "RADIMETRICS", "DOSEWATCH"),
)


def burned_in_risk(values: Mapping[str, str]) -> str:
    r"""Why writing in the pixels may name the patient; empty if nothing says so.

    Args:
        values: texts of the header by keyword, several joined by ``\``; those in
            `BURNED_IN_KEYWORDS` count, as far as they are there.

    Examples:
        >>> burned_in_risk({"Modality": "MR", "BurnedInAnnotation": "YES"})
        'text is drawn into the pixels and may name the patient'
        >>> burned_in_risk({"Modality": "MR", "ImageType": "ORIGINAL\\PRIMARY\\M"})
        ''
    """
    plain = {name: _plain(values.get(name, "")) for name in BURNED_IN_KEYWORDS}
    if plain["BurnedInAnnotation"] == "YES":
        return "text is drawn into the pixels and may name the patient"
    return _of_class(plain["SOPClassUID"]) or _of_origin(plain) or _of_look(plain)


def _of_class(sop_class: str) -> str:
    """The risk that comes with a class of objects."""
    if not sop_class.startswith(_STORAGE):
        return ""
    branch = sop_class.removeprefix(_STORAGE).partition(".")[0]
    return _CLASSES.get(branch, "")


def _of_origin(plain: Mapping[str, str]) -> str:
    """The risk that comes with how and on what the picture was made."""
    if reason := _MODALITIES.get(plain["Modality"]):
        return reason
    if plain["ConversionType"] in _CONVERSIONS:
        return "scanned or captured, not measured: the pixels may name the patient"
    makers = f"{plain['Manufacturer']}\\{plain['ManufacturerModelName']}"
    if _any_in(_DEVICES, makers):
        return "made by a device that writes names into pictures"
    return ""


def _of_look(plain: Mapping[str, str]) -> str:
    """The risk that comes with what the picture shows."""
    titles = f"{plain['ImageType']}\\{plain['SeriesDescription']}".replace("-", " ")
    if _any_in(_SCREENS, titles):
        return "a saved screen or dose page, which may name the patient"
    colours = plain["PhotometricInterpretation"].startswith(("RGB", "YBR", "PALETTE"))
    if colours or plain["SamplesPerPixel"] not in {"", "1"}:
        return "a coloured picture: its legend may name the patient"
    return ""


def _plain(text: str) -> str:
    """Upper case, one blank between words."""
    return " ".join(text.upper().split())


def _any_in(words: Sequence[str], text: str) -> bool:
    """Whether a text contains one of the words."""
    return any(word in text for word in words)
