"""Which DICOM objects can be a scan, and why the others cannot."""

from collections.abc import Sequence

IMAGES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2",  # CT
        "1.2.840.10008.5.1.4.1.1.2.1",  # enhanced CT
        "1.2.840.10008.5.1.4.1.1.2.2",  # legacy converted enhanced CT
        "1.2.840.10008.5.1.4.1.1.4",  # MR
        "1.2.840.10008.5.1.4.1.1.4.1",  # enhanced MR
        "1.2.840.10008.5.1.4.1.1.4.4",  # legacy converted enhanced MR
        "1.2.840.10008.5.1.4.1.1.128",  # PET
        "1.2.840.10008.5.1.4.1.1.128.1",  # legacy converted enhanced PET
        "1.2.840.10008.5.1.4.1.1.130",  # enhanced PET
    }
)
# Images of which one file holds many slices.
ENHANCED = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2.1",
        "1.2.840.10008.5.1.4.1.1.2.2",
        "1.2.840.10008.5.1.4.1.1.4.1",
        "1.2.840.10008.5.1.4.1.1.4.4",
        "1.2.840.10008.5.1.4.1.1.128.1",
        "1.2.840.10008.5.1.4.1.1.130",
    }
)
SEGMENTATIONS = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.66.4",  # bits for each segment
        "1.2.840.10008.5.1.4.1.1.66.7",  # one label map
    }
)
STRUCTURES = frozenset({"1.2.840.10008.5.1.4.1.1.481.3"})  # contours: RTSTRUCT
DRAWINGS = SEGMENTATIONS | STRUCTURES

# The longest prefix that fits decides.
_OTHERS = {
    "1.2.840.10008.1.3.10": "an index of files (DICOMDIR)",
    "1.2.840.10008.5.1.4.1.1.4.2": "spectroscopy, not a volume",
    "1.2.840.10008.5.1.4.1.1.7": "a secondary capture: a screenshot or a made picture",
    "1.2.840.10008.5.1.4.1.1.11": "a presentation state, not a volume",
    "1.2.840.10008.5.1.4.1.1.66": "raw data or a registration, not a volume",
    "1.2.840.10008.5.1.4.1.1.88": "a report, not a volume",
    "1.2.840.10008.5.1.4.1.1.104": "a document, not a volume",
    "1.2.840.10008.5.1.4.1.1.481": "a radiotherapy object, not a volume",
}
_UNKNOWN = "not an MR, CT or PET image"

# Values of ImageType, with what they mean for a study of anatomy.
_IMAGE_TYPES = {
    frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVEY"}): "a localizer",
    frozenset(
        {
            *("ADC", "EADC", "FA", "TRACEW", "TRACE", "DIFFUSION_ANISO", "EXP_ADC"),
            *("MIP", "MINIP", "MIN_IP", "MAX_IP", "PROJECTION IMAGE", "VRT", "SSD"),
            *("PROJECTION_IMAGE", "VOLUME RENDERING", "SUBTRACTION", "SUBTRACT"),
            *("CBF", "CBV", "RCBF", "RCBV", "MTT", "TTP", "TMAX", "PBP", "KTRANS"),
            *("T1 MAP", "T2 MAP", "T2_STAR MAP", "R2 MAP", "B0 MAP", "B1 MAP"),
            *("T_TEST", "POSDISP", "SCREEN SAVE", "SCREENSHOT", "SCREEN_SAVE"),
        }
    ): "a derived map or projection",
    frozenset({"DOSE", "DOSE_INFO", "CT_SOM5 PROT", "PROT"}): "a dose or protocol page",
    frozenset(
        {
            *("P", "PHASE", "PHASE MAP", "PHASE_MAP"),
            *("R", "REAL", "I", "IMAGINARY"),
        }
    ): "phase, real or imaginary part, not magnitude",
}
# Values that say what pixels show; the first are of Dixon images.
_SHOWN = frozenset(
    {*("WATER", "FAT", "W", "F", "IN_PHASE", "OUT_PHASE", "OPP_PHASE", "IP", "OP")}
).union(*_IMAGE_TYPES)


def reason_against(sop_class: str, image_type: Sequence[str]) -> str:
    """Why an object is no scan; empty if it may be one.

    Args:
        sop_class: UID of its class.
        image_type: the values of its ImageType.

    Examples:
        >>> reason_against("1.2.840.10008.5.1.4.1.1.4", ["DERIVED", "PRIMARY", "ADC"])
        'a derived map or projection'
        >>> reason_against("1.2.840.10008.5.1.4.1.1.4", ["ORIGINAL", "PRIMARY", "M"])
        ''
    """
    if sop_class not in IMAGES:
        return _reason_against_class(sop_class)
    values = [value.strip().upper() for value in image_type]
    # The first two values say original or derived, primary or secondary.
    for unwanted, reason in _IMAGE_TYPES.items():
        if unwanted.intersection(values[2:]):
            return reason
    return ""


def shown_by(image_type: Sequence[str]) -> frozenset[str]:
    """What pixels show, as far as a volume cannot show several such things.

    Args:
        image_type: the values of its ImageType, in upper case.

    Examples:
        >>> sorted(shown_by(["ORIGINAL", "PRIMARY", "M", "NORM", "WATER"]))
        ['WATER']
    """
    return _SHOWN.intersection(image_type[2:])


def _reason_against_class(sop_class: str) -> str:
    """Why objects of a class are no scans."""
    fitting = [
        known
        for known in _OTHERS
        if sop_class == known or sop_class.startswith(known + ".")
    ]
    return _OTHERS[max(fitting, key=len)] if fitting else _UNKNOWN
