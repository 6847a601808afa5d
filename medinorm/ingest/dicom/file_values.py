"""What the index keeps of a file: read from its first bytes, or else by pydicom."""

from collections.abc import Mapping, Sequence
from typing import IO

from pydicom.dataset import Dataset

from medinorm.ingest.dicom.files import (
    header_in,
    is_dicom,
    quiet_reading,
    text_of,
    value_of,
)
from medinorm.ingest.dicom.header_values import (
    KEYWORDS,
    PRIVATE,
    CutOffError,
    Private,
    Values,
    decode_value,
    kept_values,
    strip_values,
    values_in,
)
from medinorm.ingest.dicom.object_classes import SEGMENTATIONS, STRUCTURES

# Bytes from the start of a file among which the values of its index are looked for.
_WINDOWS = (1 << 14, 1 << 18, 1 << 22)

# Without them a file belongs to nothing; pydicom may find them in an odd place.
_NEEDED = ("SOPClassUID", "SeriesInstanceUID", "StudyInstanceUID")
# Where an annotation names its series: sequences, each inside the one before.
_REFERENCES: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(SEGMENTATIONS, ("ReferencedSeriesSequence",)),
    **dict.fromkeys(
        STRUCTURES,
        (
            "ReferencedFrameOfReferenceSequence",
            "RTReferencedStudySequence",
            "RTReferencedSeriesSequence",
        ),
    ),
}

_BLOCKS = range(0x10, 0x18)  # where private blocks begin, in all files seen


def read_values(stream: IO[bytes]) -> Values | None:
    """Read the few values of a header that the index keeps.

    Args:
        stream: a file, at its start.

    Returns:
        Texts by name: `KEYWORDS`, `PRIVATE` and a few more; ``ReferencedSeries`` is the
        UID of the one series that an annotation belongs to. ``None`` if the file is
        no DICOM object.

    Raises:
        ReadError: the file is empty or damaged.
    """
    start = stream.read(_WINDOWS[0])
    if not is_dicom(start):
        return None
    values = _quick_values(stream, start)
    if values is None or values.get("SOPClassUID") in _REFERENCES:
        return _thorough_values(stream)
    return values if all(map(values.get, _NEEDED)) else _thorough_values(stream)


def _quick_values(stream: IO[bytes], start: bytes) -> Values | None:
    """The values of a simple file, without pydicom."""
    for size in _WINDOWS:
        start += stream.read(size - len(start))
        try:
            return values_in(start)
        except CutOffError:
            if len(start) < size:
                return None
    return None


def _thorough_values(stream: IO[bytes]) -> Values | None:
    """The same values of any file, by pydicom."""
    outer = {sequences[0] for sequences in _REFERENCES.values()}
    header = header_in(stream, (*KEYWORDS, *outer, *_private_tags()))
    if header is None:
        return None
    meta = getattr(header, "file_meta", Dataset())
    texts = {keyword: text_of(header, keyword) for keyword in KEYWORDS} | {
        keyword: text_of(meta, keyword)
        for keyword in ("MediaStorageSOPClassUID", "TransferSyntaxUID")
    }
    texts["ReferencedSeries"] = _referenced_series(header)
    texts |= {name: _private_text(header, where) for name, where in PRIVATE.items()}
    return kept_values({keyword: strip_values(text) for keyword, text in texts.items()})


def _private_tags() -> list[int]:
    """Tags of the wanted private elements and of the names of their blocks."""
    blocks = [(where, block) for where in PRIVATE.values() for block in _BLOCKS]
    return [
        tag
        for (group, _, number, _), block in blocks
        for tag in (group << 16 | block, group << 16 | block << 8 | number)
    ]


def _private_text(header: Dataset, where: Private) -> str:
    """A private element's value as text, empty if it is absent or makes no sense."""
    try:
        with quiet_reading():
            block = header.private_block(where.group, where.creator)
            value = block[where.number].value
    except Exception:  # it is absent, or damaged in whatever way
        return ""
    if isinstance(value, bytes):
        return decode_value(value, where.kind) or ""
    several = isinstance(value, Sequence) and not isinstance(value, str)
    return "\\".join(map(str, value)) if several else str(value)


def _referenced_series(header: Dataset) -> str:
    """UID of the one series that an annotation belongs to, or empty."""
    sequences = _REFERENCES.get(text_of(header, "SOPClassUID"), ())
    items = [header] if sequences else []
    for sequence in sequences:
        items = [inner for item in items for inner in value_of(item, sequence, ())]
    series = {text_of(item, "SeriesInstanceUID") for item in items}
    return series.pop() if len(series) == 1 else ""
