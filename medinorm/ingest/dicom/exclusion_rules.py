"""Why a DICOM object cannot be a scan: one rule for each reason.

A new rule is one more entry in `EXCLUSION_RULES`, with its reason and the header values
that it reads. The index keeps those values, and plan, export and the division of series
go through the list.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from medinorm.ingest.dicom.object_classes import IMAGES


@dataclass(frozen=True)
class ExclusionRule:
    """One reason why an object is not used.

    Args:
        reason: for the account; names what is wrong, never a value of the header.
        applies: whether an object with these header texts by keyword is meant.
        keywords: of the texts that the rule reads.
        image_types: values of ImageType that the rule is about.
    """

    reason: str
    applies: Callable[[Mapping[str, str]], bool]
    keywords: Sequence[str]
    image_types: frozenset[str] = frozenset()


def against_class(reason: str, *classes: str) -> ExclusionRule:
    """A rule against objects of some classes, and of the classes below them."""

    def applies(values: Mapping[str, str]) -> bool:
        own = f"{values.get('SOPClassUID', '')}."
        return any(own.startswith(f"{uid}.") for uid in classes)

    return ExclusionRule(reason, applies, ["SOPClassUID"])


def against_image_type(reason: str, *image_types: str) -> ExclusionRule:
    """A rule against images with any of these values of ImageType."""
    unwanted = frozenset(image_types)

    def applies(values: Mapping[str, str]) -> bool:
        own = values.get("ImageType", "").split("\\")[2:]
        return not unwanted.isdisjoint(value.strip().upper() for value in own)

    return ExclusionRule(reason, applies, ["ImageType"], unwanted)


def first_reason(rules: Iterable[ExclusionRule], values: Mapping[str, str]) -> str:
    """The reason of the first rule that applies; empty if none does.

    Args:
        rules: the most important first.
        values: texts of the header by keyword.
    """
    return next((rule.reason for rule in rules if rule.applies(values)), "")


# Beginnings of UIDs: Siemens, GE, Philips, Canon and United Imaging.
_MAKERS = (
    *("1.3.12.2.1107.", "1.2.840.113619.", "1.3.46.670589.", "1.2.392.200036.9116."),
    "1.2.156.112605.",
)


def _image_types(values: Mapping[str, str]) -> list[str]:
    """All values of ImageType, in upper case."""
    return values.get("ImageType", "").upper().split("\\")


# The first that applies gives the reason.
EXCLUSION_RULES: Sequence[ExclusionRule] = (
    against_class("an index of files (DICOMDIR)", "1.2.840.10008.1.3.10"),
    against_class("spectroscopy, not a volume", "1.2.840.10008.5.1.4.1.1.4.2"),
    against_class(
        "a secondary capture: a screenshot or an image made by a program",
        "1.2.840.10008.5.1.4.1.1.7",
    ),
    against_class("a presentation state, not a volume", "1.2.840.10008.5.1.4.1.1.11"),
    against_class(
        "raw data or a registration, not a volume", "1.2.840.10008.5.1.4.1.1.66"
    ),
    against_class("a report, not a volume", "1.2.840.10008.5.1.4.1.1.88"),
    against_class("a document, not a volume", "1.2.840.10008.5.1.4.1.1.104"),
    against_class("a radiotherapy object, not a volume", "1.2.840.10008.5.1.4.1.1.481"),
    ExclusionRule(
        "an object in a private format of its maker; export MR, CT or PET images",
        lambda values: values.get("SOPClassUID", "").startswith(_MAKERS),
        ["SOPClassUID"],
    ),
    ExclusionRule(
        "many slices in one file in United Imaging's private format (VFRAME), which is "
        "not read; export single slices or multi-frame images",
        lambda values: any("VFRAME" in text for text in _image_types(values)),
        ["ImageType"],
    ),
    ExclusionRule(
        "not an MR, CT or PET image",
        lambda values: values.get("SOPClassUID", "") not in IMAGES,
        ["SOPClassUID"],
    ),
    against_image_type("a localizer", "LOCALIZER", "SCOUT", "TOPOGRAM", "SURVEY"),
    against_image_type(
        "a derived map or projection",
        *("ADC", "EADC", "FA", "TRACEW", "TRACE", "DIFFUSION_ANISO", "EXP_ADC"),
        *("MIP", "MINIP", "MIN_IP", "MAX_IP", "PROJECTION IMAGE", "VRT", "SSD"),
        *("PROJECTION_IMAGE", "VOLUME RENDERING", "SUBTRACTION", "SUBTRACT"),
        *("CBF", "CBV", "RCBF", "RCBV", "MTT", "TTP", "TMAX", "PBP", "KTRANS"),
        *("T1 MAP", "T2 MAP", "T2_STAR MAP", "R2 MAP", "B0 MAP", "B1 MAP"),
        *("T_TEST", "POSDISP", "SCREEN SAVE", "SCREENSHOT", "SCREEN_SAVE"),
    ),
    against_image_type(
        "a dose or protocol page", "DOSE", "DOSE_INFO", "CT_SOM5 PROT", "PROT"
    ),
    against_image_type(
        "phase, real or imaginary part, not magnitude",
        *("P", "PHASE", "PHASE MAP", "PHASE_MAP", "R", "REAL", "I", "IMAGINARY"),
    ),
)

# Values of ImageType that say what pixels show. Those of Dixon images are allowed.
_CONTENTS = frozenset(
    {*("WATER", "FAT", "W", "F", "IN_PHASE", "OUT_PHASE", "OPP_PHASE", "IP", "OP")}
).union(*(rule.image_types for rule in EXCLUSION_RULES))


def reason_against(values: Mapping[str, str]) -> str:
    r"""Why an object cannot be a scan; empty if it may be one.

    Args:
        values: texts of its header by keyword, several joined by ``\``.

    Examples:
        >>> mr = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}
        >>> reason_against(mr | {"ImageType": "DERIVED\\PRIMARY\\ADC"})
        'a derived map or projection'
        >>> reason_against(mr | {"ImageType": "ORIGINAL\\PRIMARY\\M"})
        ''
    """
    return first_reason(EXCLUSION_RULES, values)


def contents_of(image_type: Sequence[str]) -> frozenset[str]:
    """The values of ImageType that must be the same in all slices of one volume.

    Args:
        image_type: all its values, in upper case.

    Examples:
        >>> sorted(contents_of(["ORIGINAL", "PRIMARY", "M", "NORM", "WATER"]))
        ['WATER']
    """
    return _CONTENTS.intersection(image_type[2:])
