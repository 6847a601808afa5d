"""The few header values that the index keeps, from the first bytes of a DICOM file.

pydicom makes an object of each element; going over the bytes takes a fraction of that.
Only simple files are read here: little endian, elements in order, ASCII text. All
others give ``None``, and pydicom has to read them.

References:
    DICOM PS3.5, "Data Structures and Encoding", sections 7 and 10.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from medinorm.ingest.dicom.burned_in import BURNED_IN_KEYWORDS
from medinorm.ingest.dicom.exclusion_rules import EXCLUSION_RULES

Values = dict[str, str]

# What the plan asks of a file, besides what the rules ask.
_PLAN_KEYWORDS = (
    *("ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate", "AcquisitionTime"),
    *("Modality", "Manufacturer", "StudyDescription"),
    *("SeriesDescription", "ManufacturerModelName", "ComplexImageComponent"),
    *("PatientID", "ContrastBolusAgent", "ScanningSequence", "SequenceName"),
    *("SliceThickness", "RepetitionTime", "EchoTime", "InversionTime", "EchoNumbers"),
    *("SpacingBetweenSlices", "ProtocolName", "TriggerTime", "GantryDetectorTilt"),
    *("FlipAngle", "DiffusionBValue", "StudyInstanceUID", "SeriesInstanceUID"),
    *("StudyID", "AcquisitionNumber", "InstanceNumber", "ImagePositionPatient"),
    *("ImageOrientationPatient", "FrameOfReferenceUID", "NumberOfFrames"),
    "TemporalPositionIdentifier",
    *("DiffusionGradientOrientation", "NumberOfTemporalPositions", "Rows", "Columns"),
    *("PixelSpacing", "SamplesPerPixel", "KVP", "ConvolutionKernel", "ScanOptions"),
    *("PhotometricInterpretation", "RescaleSlope", "RescaleIntercept"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    "PixelPaddingValue",
    *("ImagesInAcquisition", "NumberOfSlices"),
    *("DeviceSerialNumber", "RescaleType", "SequenceVariant"),
)
# All that the index keeps. All lie in front of the pixels, before group 0030, but for
# those of PET.
KEYWORDS: Sequence[str] = tuple(
    dict.fromkeys(
        [
            *_PLAN_KEYWORDS,
            *(keyword for rule in EXCLUSION_RULES for keyword in rule.keywords),
            *BURNED_IN_KEYWORDS,
        ]
    )
)


class Private(NamedTuple):
    """A private element.

    Args:
        group: its group.
        creator: name of its block, which may begin anywhere in the group.
        number: its number in the block.
        kind: its value representation.
    """

    group: int
    creator: str
    number: int
    kind: bytes


# Likewise, by the name that the index gives them.
PRIVATE = {
    "SiemensBValue": Private(0x0019, "SIEMENS MR HEADER", 0x0C, b"IS"),
    "GEPlaces": Private(0x0021, "GEMS_RELA_01", 0x4F, b"SS"),
    "GEBValue": Private(0x0043, "GEMS_PARM_01", 0x39, b"IS"),
    "GEImageKind": Private(0x0043, "GEMS_PARM_01", 0x2F, b"SS"),
    "PhilipsBValue": Private(0x2001, "Philips Imaging DD 001", 0x03, b"FL"),
    "PhilipsPlaces": Private(0x2001, "Philips Imaging DD 001", 0x18, b"SL"),
}
# How long to look for them and for those of PET, by the beginning of a value.
_LAST_GROUPS = {
    "Manufacturer": (("GE", 0x0043), ("Philips", 0x2001), ("PHILIPS", 0x2001)),
    "Modality": (("PT", 0x0054),),
}
_LAST_GROUP = 0x0030  # of all others
# Others write it too, far behind in the header and with other meanings.
ONLY_IN_PET = frozenset({"NumberOfSlices"})

PREAMBLE = 128
_META = {0x00020002: "MediaStorageSOPClassUID", 0x00020010: "TransferSyntaxUID"}
_PIXELS = b"\xe0\x7f\x10\0"
_SCALING = {"RescaleIntercept": b"\x28\0\x52\x10", "RescaleSlope": b"\x28\0\x53\x10"}
_IMPLICIT = "1.2.840.10008.1.2"
_STANDARD = _IMPLICIT + "."  # explicit, but for two
_OTHER_ENCODING = frozenset(
    {str(DeflatedExplicitVRLittleEndian), str(ExplicitVRBigEndian)}
)

_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC"}) | {
    *(b"UN", b"UR", b"UT", b"UV")
}
_TEXT = frozenset(b"AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT".split())
_NUMBERS = {
    b"US": struct.Struct("<H"),
    b"SS": struct.Struct("<h"),
    b"UL": struct.Struct("<I"),
    b"SL": struct.Struct("<i"),
    b"FL": struct.Struct("<f"),
    b"FD": struct.Struct("<d"),
}
_SHORT = _TEXT | frozenset({*_NUMBERS, b"AT"})
_UNSAID = frozenset({b"", b"UN"})
_BLANK = " \0\t\r\n\v\f\x1c\x1d\x1e\x1f"

_EXPLICIT_ELEMENT = struct.Struct("<HH2sH")
_ELEMENT = struct.Struct("<HHI")
_LENGTH = struct.Struct("<I")

_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEEPEST = 16  # sequences in sequences


class CutOffError(Exception):
    """More bytes of the file are needed."""


class _UnusualError(Exception):
    """The file is not simple; pydicom has to read it."""


def values_in(data: bytes) -> Values | None:
    """Read the values of `KEYWORDS`, transfer syntax and class from a file's start.

    Args:
        data: the first bytes of a DICOM file, with or without a preamble.

    Returns:
        Texts by keyword, several values joined by a backslash, the absent and the empty
        left out; ``None`` if pydicom has to read the file.

    Raises:
        CutOffError: the values go on after `data`.
    """
    try:
        values, position = _read_meta(data)
        syntax = values.get("TransferSyntaxUID")
        if syntax is None or syntax in _OTHER_ENCODING:
            return None
        if syntax != _IMPLICIT and not syntax.startswith(_STANDARD):
            return None
        values |= _read_values(data, position, explicit=syntax != _IMPLICIT)
        return kept_values(values)
    except _UnusualError:
        return None
    except struct.error:  # the buffer ends within the start of an element
        raise CutOffError from None


def kept_values(values: Values) -> Values:
    """The values that the index keeps of those that were read."""
    in_pet = values.get("Modality") == "PT"
    return {
        keyword: text
        for keyword, text in values.items()
        if text and (in_pet or keyword not in ONLY_IN_PET)
    }


def deflated_at(data: bytes) -> int | None:
    """Where the deflated part of a file begins; ``None`` if it has none.

    Args:
        data: the first bytes of a DICOM file.
    """
    try:
        values, position = _read_meta(data)
    except (_UnusualError, CutOffError, struct.error):
        return None
    deflated = values.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
    return position if deflated else None


def decode_value(value: bytes, kind: bytes) -> str | None:
    """The bytes of a value as text; ``None`` if they are unusual.

    Args:
        value: little endian.
        kind: its value representation.
    """
    try:
        return _decode(value, kind)
    except _UnusualError:
        return None


def strip_values(text: str) -> str:
    r"""Text of one element without the blanks around each of its values.

    Examples:
        >>> strip_values("ORIGINAL \\PRIMARY\0")
        'ORIGINAL\\PRIMARY'
    """
    if "\\" not in text:
        return text.strip(_BLANK)
    return "\\".join([value.strip(_BLANK) for value in text.split("\\")])


def _read_meta(data: bytes) -> tuple[Values, int]:
    """The values of the file meta group, and where the data set begins."""
    values: Values = {}
    position = PREAMBLE + 4 if data[PREAMBLE : PREAMBLE + 4] == b"DICM" else 0
    while True:
        group, element, kind, length = _EXPLICIT_ELEMENT.unpack_from(data, position)
        if group != 2:
            return values, position
        position += 8
        if kind in _LONG:
            (length,) = _LENGTH.unpack_from(data, position)
            position += 4
        if keyword := _META.get(group << 16 | element):
            values[keyword] = _decode(_cut(data, position, length), kind)
        position += length


def _read_values(data: bytes, position: int, *, explicit: bool) -> Values:
    """The wanted values of the data set, up to its pixels at most.

    Raises:
        CutOffError: `data` ends before all of them are read.
    """
    wanted, last = dict(_wanted()), _last_wanted()
    values: Values = {}
    before = 0
    while True:
        tag, kind, length, position = _element_at(data, position, explicit=explicit)
        if tag <= before:
            raise _UnusualError
        if tag > last:
            _check_scaling(values, data, position)
            return values
        before = tag
        if length == _UNDEFINED:
            position = _after_sequence(data, position, explicit and kind != b"UN", 0)
            continue
        if tag in wanted:
            keyword, known = wanted[tag]
            usual = _resolved(known, values) if kind in _UNSAID else kind
            values[keyword] = _decode(_cut(data, position, length), usual)
            if keyword in _LAST_GROUPS:
                last = max(last, _last_tag(keyword, values[keyword]))
        elif tag & 0xFF00 == 0 and tag >> 16 & 1:
            wanted |= _block(tag, _cut(data, position, length))
        position += length


def _check_scaling(values: Values, data: bytes, position: int) -> None:
    """Leave a file to pydicom in which slope or intercept may come out of order.

    Without the others of the wanted elements a file is refused; without these its
    values would be wrong. Files of many frames are read whole in any case.
    """
    if "NumberOfFrames" in values:
        return
    missing = [tag for keyword, tag in _SCALING.items() if keyword not in values]
    if missing:
        end = data.find(_PIXELS, position)
        rest = data[position : end if end >= 0 else len(data)]
        if any(tag in rest for tag in missing):
            raise _UnusualError


@cache
def _wanted() -> Mapping[int, tuple[str, bytes]]:
    """Keyword and value representation of the wanted tags."""
    tags = {keyword: tag_for_keyword(keyword) for keyword in KEYWORDS}
    return {
        tag: (keyword, dictionary_VR(tag).encode())
        for keyword, tag in tags.items()
        if tag is not None
    }


@cache
def _last_wanted() -> int:
    """The last of the wanted tags that are looked for in all files."""
    return max(tag for tag in _wanted() if tag >> 16 < _LAST_GROUP)


def _resolved(kind: bytes, values: Values) -> bytes:
    """The value representation of a pixel value, which depends on the pixels' sign."""
    if kind != b"US or SS":
        return kind
    return b"SS" if values.get("PixelRepresentation") == "1" else b"US"


def _last_tag(keyword: str, text: str) -> int:
    """The end of the last group in which elements are wanted because of a value."""
    groups = [group for start, group in _LAST_GROUPS[keyword] if text.startswith(start)]
    return max(groups, default=0) << 16 | 0xFFFF


def _block(tag: int, creator: bytes) -> dict[int, tuple[str, bytes]]:
    """The wanted elements of the private block that begins at a tag."""
    name = creator.strip(b" \0").decode("ascii", "replace")
    base = (tag & 0xFFFF0000) | (tag & 0xFF) << 8
    return {
        base | element.number: (keyword, element.kind)
        for keyword, element in PRIVATE.items()
        if element.group == tag >> 16 and element.creator == name
    }


def _element_at(
    data: bytes, position: int, *, explicit: bool
) -> tuple[int, bytes, int, int]:
    """Tag, value representation, length and place of the value of one element."""
    if not explicit:
        group, element, length = _ELEMENT.unpack_from(data, position)
        return group << 16 | element, b"", length, position + 8
    group, element, kind, length = _EXPLICIT_ELEMENT.unpack_from(data, position)
    if kind in _SHORT and group != 0xFFFE:
        return group << 16 | element, kind, length, position + 8
    if group == 0xFFFE:  # items have no representation
        (length,) = _LENGTH.unpack_from(data, position + 4)
        return group << 16 | element, b"", length, position + 8
    if kind in _LONG:
        (length,) = _LENGTH.unpack_from(data, position + 8)
        return group << 16 | element, kind, length, position + 12
    raise _UnusualError


def _after_sequence(data: bytes, position: int, explicit: bool, depth: int) -> int:
    """The place after a sequence whose length is not written down."""
    if depth > _DEEPEST:
        raise _UnusualError
    while True:
        group, element, length = _ELEMENT.unpack_from(data, position)
        tag = group << 16 | element
        position += 8
        if tag == _SEQUENCE_END:
            return position
        if tag != _ITEM:
            raise _UnusualError
        if length != _UNDEFINED:
            position += length
            continue
        position = _after_item(data, position, explicit, depth)


def _after_item(data: bytes, position: int, explicit: bool, depth: int) -> int:
    """The place after an item whose length is not written down."""
    while True:
        tag, kind, length, position = _element_at(data, position, explicit=explicit)
        if tag == _ITEM_END:
            return position
        if length == _UNDEFINED:
            inside = explicit and kind != b"UN"
            position = _after_sequence(data, position, inside, depth + 1)
        else:
            position += length


def _cut(data: bytes, position: int, length: int) -> bytes:
    """The bytes of one value."""
    value = data[position : position + length]
    if len(value) < length:
        raise CutOffError
    return value


def _decode(value: bytes, kind: bytes) -> str:
    """A value as text."""
    if kind in _NUMBERS:
        number = _NUMBERS[kind]
        if len(value) == number.size:
            return str(number.unpack(value)[0])
        if len(value) % number.size:
            raise _UnusualError
        return "\\".join([str(one) for (one,) in number.iter_unpack(value)])
    if kind not in _TEXT or not value.isascii() or b"\x1b" in value:
        raise _UnusualError
    return strip_values(value.decode("ascii"))
