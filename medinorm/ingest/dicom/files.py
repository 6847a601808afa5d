"""DICOM files: recognized and read; no message repeats their content."""

import logging
import math
import os
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from pydicom import config, dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels import pixel_array
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medinorm.errors import ReadError
from medinorm.files.machine import pass_on_machine_fault
from medinorm.ingest.archives import archive_of, is_bomb, open_input
from medinorm.ingest.dicom.header_values import PREAMBLE, deflated_at

_START = 1 << 14  # bytes that hold the file meta group
_CHUNK = 1 << 20
_SIZES = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated")
MOST_BESIDE_PIXELS = 1 << 26  # bytes of a file
_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")
_MISSING = object()
BAD_PIXELS = (
    "the pixels are truncated, damaged or compressed in a way that is not read; copy "
    "or export the series again"
)

# A file's elements, or the texts of some by keyword as the index keeps them.
Header: TypeAlias = Dataset | Mapping[str, str]
# Stored or real values: of one slice, or of all in a file.
Pixels: TypeAlias = NDArray[np.number]


@contextmanager
def quiet_reading() -> Iterator[None]:
    """Keep pydicom from warnings and log lines, which repeat values of the header."""
    log = logging.getLogger("pydicom")
    was_disabled = log.disabled
    log.disabled = True
    try:
        with warnings.catch_warnings(), config.disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = was_disabled


def read_header(path: Path, tags: Sequence[str] = ()) -> Dataset | None:
    """Read what a DICOM file says about its pixels, not the pixels.

    Args:
        path: the file, with or without a preamble.
        tags: keywords to read; all if none is given.

    Returns:
        The header, or ``None`` if the file is no DICOM object. Do not change it: it is
        kept, so that a file is not parsed again for each of its volumes.

    Raises:
        ReadError: the file is empty, may not be read, or is damaged.
    """
    try:
        if not tags:
            return _whole_header(path, stamp_of(path))[0]
        with open_input(path) as stream:
            return header_in(stream, tags)
    except OSError as error:
        pass_on_machine_fault(error)
        raise ReadError("the file may not be read; check its permissions") from None


def stamp_of(path: Path) -> tuple[int, ...]:
    """What changes when a file, or the archive that it lies in, is changed.

    Raises:
        OSError: the file does not exist.
    """
    status = (archive_of(path) or path).stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def place_of_pixels(path: Path) -> int:
    """Where the element with the pixels begins, in the uncompressed file.

    Raises:
        OSError: the file does not exist.
        ReadError: it is damaged.
    """
    return _whole_header(path, stamp_of(path))[1]


# A file of many frames is asked for its header again for each of its volumes.
@lru_cache(maxsize=1)
def _whole_header(path: Path, _stamp: tuple[int, ...]) -> tuple[Dataset | None, int]:
    """All elements of a file before its pixels, and where these begin."""
    with open_input(path) as stream:
        return header_in(stream, ()), stream.tell()


def is_dicom(start: bytes) -> bool:
    """Whether a file begins as DICOM does.

    Raises:
        ReadError: the file is empty.
    """
    if not start:
        raise ReadError("the file is empty; copy it again")
    return start[PREAMBLE : PREAMBLE + 4] == b"DICM" or start[:2] in _GROUPS


def header_in(stream: IO[bytes], tags: Sequence[str | int]) -> Dataset | None:
    """Read what an open file says about its pixels; see `read_header`."""
    stream.seek(0)
    if not is_dicom(stream.read(_START)):
        return None
    header = _parsed(stream, tags)
    if "SOPClassUID" not in header and "MediaStorageSOPClassUID" not in getattr(
        header, "file_meta", Dataset()
    ):
        return None
    return header


def _parsed(stream: IO[bytes], tags: Sequence[str | int]) -> Dataset:
    """A file's elements up to its pixels."""
    _check_inflated(stream)
    wanted: list[str | int] | None = [*tags, "SpecificCharacterSet"] if tags else None
    try:
        with quiet_reading():
            return with_syntax(
                dcmread(
                    stream, force=True, stop_before_pixels=True, specific_tags=wanted
                )
            )
    except (
        Exception
    ) as error:  # a damaged file can raise anything, and the text may repeat it
        pass_on_machine_fault(error)
        raise ReadError("the DICOM file is damaged; copy it again") from None


def with_syntax(dataset: FileDataset) -> FileDataset:
    """A data set as it was read, with its encoding named where its file has no name."""
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else explicit
        )
    return dataset


def _check_inflated(stream: IO[bytes]) -> None:
    """Refuse a deflated file that would fill the memory, and go to the file's start.

    Raises:
        ReadError: it expands beyond all bounds, or is damaged.
    """
    stream.seek(0)
    position = deflated_at(stream.read(_START))
    if position is not None:
        stored = stream.seek(0, os.SEEK_END)
        stream.seek(position)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        size, tail = 0, b""
        # At its end a stream may leave a byte of padding in its tail, forever.
        while not inflater.eof and (chunk := tail or stream.read(_CHUNK)):
            try:
                size += len(inflater.decompress(chunk, _CHUNK))
            except zlib.error:
                raise ReadError("the DICOM file is damaged; copy it again") from None
            tail = inflater.unconsumed_tail
            if is_bomb(size, stored):
                raise ReadError("the file expands beyond all bounds; export it again")
    stream.seek(0)


def _check_size(stream: IO[bytes]) -> None:
    """Refuse a file much larger than its pixels: what follows them is unknown.

    Goes to the file's start.

    Raises:
        ReadError: it is, or it is damaged.
    """
    size = stream.seek(0, os.SEEK_END)
    if size > MOST_BESIDE_PIXELS:
        header = header_in(stream, _SIZES) or Dataset()
        factors = [numbers_of(header, keyword, 1) or (1.0,) for keyword in _SIZES]
        bits = math.prod(factor[0] for factor in factors)  # many frames, long headers
        if size > MOST_BESIDE_PIXELS + bits:
            raise ReadError("the file is much larger than its pixels; export it again")
    stream.seek(0)


def read_pixels(path: Path) -> tuple[Dataset, Pixels]:
    """Read a file with its stored pixel values, decompressed.

    Args:
        path: an image, or a segmentation.

    Returns:
        The dataset and its frames, shape ``(frames, rows, columns)``.

    Raises:
        ReadError: the pixels are truncated, damaged, coloured or in a form
            that no decoder reads.
    """
    try:
        with open_input(path) as stream, quiet_reading():
            _check_inflated(stream)
            _check_size(stream)
            dataset = with_syntax(dcmread(stream, force=True))
    except ReadError:
        raise
    except Exception as error:  # as above
        pass_on_machine_fault(error)
        raise ReadError("the DICOM file is damaged; copy it again") from None
    check_kind(dataset)
    try:
        with quiet_reading():
            # Bits beside the values are judged below, not cleared silently.
            pixels = pixel_array(dataset, correct_unused_bits=False)
    except (
        Exception
    ) as error:  # decoders raise anything, and their text may repeat values
        pass_on_machine_fault(error)
        raise ReadError(BAD_PIXELS) from None
    frames = pixels if pixels.ndim == 3 else pixels[np.newaxis]
    return dataset, significant_bits(frames, dataset)


def value_of(dataset: Header, keyword: str, default: object = None) -> Any:
    """An element's value; `default` if it is absent, empty or cannot be understood."""
    if not isinstance(dataset, Dataset):
        return dataset.get(keyword) or default
    try:
        with quiet_reading():
            value = dataset.get(keyword, _MISSING)
    except Exception:  # converting a damaged value can raise any error
        return default
    if value is _MISSING or value is None or value == "":
        return default
    return value


def items_of(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence, none if it is absent or damaged."""
    value = value_of(dataset, keyword, ())
    if not isinstance(value, Sequence):
        return []
    return [item for item in value if isinstance(item, Dataset)]


def text_of(dataset: Header, keyword: str) -> str:
    r"""An element's value as text without blanks around it; several joined by ``\``."""
    value = value_of(dataset, keyword, "")
    if isinstance(value, DicomSequence):  # a damaged element can claim to hold others
        return ""
    parts = value if isinstance(value, Sequence) and not isinstance(value, str) else []
    return "\\".join(map(str, parts)) if parts else str(value).strip(" \0\t\r\n")


def numbers_of(dataset: Header, keyword: str, count: int) -> tuple[float, ...] | None:
    """An element's `count` numbers, or ``None`` if it has others or none."""
    value = value_of(dataset, keyword)
    if isinstance(value, str):
        value = value.split("\\")
    try:
        numbers = (
            tuple(map(float, value))
            if isinstance(value, Sequence) and not isinstance(value, str)
            else (float(value),)
        )
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count else None


def check_kind(dataset: Dataset) -> None:
    """Refuse pixels that are not grey values.

    Raises:
        ReadError: they are colours, or indices into a table.
    """
    # MONOCHROME1 says that large values are shown dark; the values mean the same.
    shown = text_of(dataset, "PhotometricInterpretation")
    samples = numbers_of(dataset, "SamplesPerPixel", 1)
    if shown not in {"MONOCHROME1", "MONOCHROME2"} or samples != (1.0,):
        raise ReadError("pixels have colours; use a series with grey values")
    if "ModalityLUTSequence" in dataset:
        raise ReadError(
            "values need a lookup table, which is not applied; export the series with "
            "slope and intercept"
        )


def significant_bits(frames: Pixels, dataset: Dataset) -> Pixels:
    """Frames without what is stored in the bits above the values.

    Older scanners kept overlays there. Those bits belong to no value, and the highest
    bit of a value is its sign, whether or not it is repeated above. Some headers just
    declare too few bits: then neighbours are more alike with all of them.

    References:
        DICOM PS3.5, section 8.1.1.

    Raises:
        ReadError: values need more bits than the header declares, or bits are laid out
            as the standard no longer allows.
    """
    allocated, stored, high = (
        numbers_of(dataset, keyword, 1)
        for keyword in ("BitsAllocated", "BitsStored", "HighBit")
    )
    if frames.dtype.kind not in "iu" or not (allocated and stored):
        return frames
    if (high is not None and high[0] != stored[0] - 1) or stored[0] < 1:
        raise ReadError("bits are laid out in an outdated way; export the series again")
    bits, spare = int(stored[0]), int(allocated[0] - stored[0])
    signed = frames.dtype.kind == "i"
    low, top = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    if spare <= 0 or (frames.min() >= low and frames.max() < top):
        return frames
    # Shifting up and down again clears the spare bits and repeats the sign.
    whole = cast("NDArray[np.integer]", frames)
    values = (whole << spare) >> spare
    largest = numbers_of(dataset, "LargestImagePixelValue", 1)
    declared = largest is None or low <= largest[0] < top
    if not declared or _roughness(whole) < _roughness(values):
        raise ReadError(
            "values exceed the bits that the header declares; export the series again"
        )
    return values


def _roughness(frames: NDArray[np.integer]) -> float:
    """How much neighbours in a row differ, on average; 0 without neighbours."""
    steps = np.diff(frames.astype(np.float32), axis=-1)
    return float(np.abs(steps).mean()) if steps.size else 0.0
