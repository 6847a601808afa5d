"""Pixels without pydicom where they are uncompressed whole numbers.

pydicom makes an object of each element of a file, which takes ten times as long as
reading the pixels of one slice, and as long for one frame of a file as for all.
All other files are left to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels import iter_pixels
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medinorm.errors import ReadError
from medinorm.files.machine import pass_on_machine_fault
from medinorm.ingest.archives import open_input
from medinorm.ingest.dicom.files import (
    BAD_PIXELS,
    MOST_BESIDE_PIXELS,
    Pixels,
    check_kind,
    numbers_of,
    place_of_pixels,
    quiet_reading,
    read_header,
    read_pixels,
    significant_bits,
    stamp_of,
    text_of,
    with_syntax,
)

_KEYWORDS = (
    *("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored"),
    *("HighBit", "PixelRepresentation"),
)
_SYNTAXES = frozenset({str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)})
_GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
_PIXEL_DATA = b"\xe0\x7f\x10\x00"
_VALUE_TABLE = b"\x28\x00\x00\x30"  # ModalityLUTSequence, wherever it begins


@dataclass(frozen=True)
class StoredPixels:
    """How the pixels of a simple file are stored.

    Args:
        shape: rows and columns.
        dtype: of the stored values.
        bits: how many of each value's bits count.
    """

    shape: tuple[int, int]
    dtype: str
    bits: int

    def read(self, path: Path) -> Pixels | None:
        """Read the image, shape ``(1, rows, columns)``.

        Returns:
            The stored values; ``None`` if the file is not as simple as its header says,
            so that pydicom has to read it.

        Raises:
            ReadError: the file may not be read.
        """
        try:
            with open_input(path) as stream:
                content = stream.read(MOST_BESIDE_PIXELS)
                if stream.read(1):
                    return None
        except OSError as error:
            pass_on_machine_fault(error)
            raise ReadError("the file may not be read; check its permissions") from None
        values = self._last_of(content)
        if values is None or _VALUE_TABLE in content[: -values.nbytes]:
            return None
        limit = np.iinfo(values.dtype)
        spare = limit.bits - self.bits
        if values.min() < limit.min >> spare or values.max() > limit.max >> spare:
            return None
        return values.reshape(1, *self.shape)

    def _last_of(self, content: bytes) -> NDArray[np.integer] | None:
        """The pixels, if they are all of the right size and the last of a file."""
        size = self.shape[0] * self.shape[1] * np.dtype(self.dtype).itemsize
        length = size + size % 2
        start = len(content) - length
        head = content[max(start - 12, 0) : max(start, 0)]
        if not head.endswith(length.to_bytes(4, "little")):
            return None
        explicit = head[:4] == _PIXEL_DATA and head[4:8] in {b"OW\0\0", b"OB\0\0"}
        if not explicit and head[4:8] != _PIXEL_DATA:
            return None
        count = self.shape[0] * self.shape[1]
        return np.frombuffer(content, self.dtype, count, start)


def read_stored_images(path: Path, indices: Sequence[int]) -> dict[int, Pixels]:
    """Read some of the stored images of a file, if possible without the others.

    The file is parsed once, also if it is asked again for other images.

    Args:
        path: an image.
        indices: which of them, from 0 and rising.

    Returns:
        The stored values of each by its number, shape ``(rows, columns)``.

    Raises:
        ReadError: as for `read_pixels`.
    """
    header = read_header(path)
    if header is None:
        raise ReadError("a file of the series is not DICOM any more; plan again")
    check_kind(header)
    images = _native_images(path, header, indices)
    if images is None and _syntax_of(header) == DeflatedExplicitVRLittleEndian:
        whole = read_pixels(path)[1]  # cannot be read from the middle
        return {index: whole[index] for index in indices if index < len(whole)}
    if images is None:
        images = _decoded_images(path, indices)
    if len(images) != len(indices):
        raise ReadError(BAD_PIXELS)
    return dict(zip(indices, significant_bits(np.stack(images), header), strict=True))


def _syntax_of(header: Dataset) -> str:
    """How a file is encoded."""
    meta = getattr(header, "file_meta", Dataset())
    return text_of(meta, "TransferSyntaxUID")


def _native_images(
    path: Path, header: Dataset, indices: Sequence[int]
) -> list[Pixels] | None:
    """Uncompressed images from their places in the file; ``None`` if it has others."""
    texts = ("Rows", "Columns", "BitsAllocated", "PixelRepresentation")
    known = [numbers_of(header, keyword, 1) for keyword in texts]
    numbers = [int(number[0]) for number in known if number and number[0].is_integer()]
    if len(numbers) < len(texts) or _syntax_of(header) not in _SYNTAXES:
        return None
    rows, columns, allocated, signed = numbers
    if allocated not in {8, 16, 32} or signed not in {0, 1}:
        return None
    dtype = np.dtype(f"<{'ui'[signed]}{allocated // 8}")
    size = rows * columns * dtype.itemsize
    frames = int((numbers_of(header, "NumberOfFrames", 1) or (1.0,))[0])
    start, explicit = (
        place_of_pixels(path),
        _syntax_of(header) == ExplicitVRLittleEndian,
    )
    with open_input(path) as stream:
        stream.seek(start)
        head = stream.read(12 if explicit else 8)
        length = int.from_bytes(head[-4:], "little")
        if head[:4] != _PIXEL_DATA or length not in {frames * size, frames * size + 1}:
            return None
        contents = []
        for index in indices:
            stream.seek(start + len(head) + index * size)
            contents.append(stream.read(size))
    whole = [content for content in contents if len(content) == size]
    return [np.frombuffer(content, dtype).reshape(rows, columns) for content in whole]


def _decoded_images(path: Path, indices: Sequence[int]) -> list[Pixels]:
    """Images of any encoding.

    Raises:
        ReadError: they are damaged, or no decoder reads them.
    """
    try:
        dataset = _whole_file(path, stamp_of(path))
        with quiet_reading():
            return list(
                iter_pixels(dataset, indices=list(indices), correct_unused_bits=False)
            )
    except (
        Exception
    ) as error:  # decoders raise anything, and their text may repeat values
        pass_on_machine_fault(error)
        raise ReadError(BAD_PIXELS) from None


@lru_cache(maxsize=1)
def _whole_file(path: Path, _stamp: tuple[int, ...]) -> Dataset:
    """A compressed file with its pixels, kept for the next of its volumes."""
    with open_input(path) as stream, quiet_reading():
        return with_syntax(dcmread(stream, force=True))


def find_stored_pixels(values: Mapping[str, str]) -> StoredPixels | None:
    """How the pixels of a file are stored; ``None`` if pydicom has to read them.

    Args:
        values: texts of its header by keyword.

    Examples:
        >>> header = {"Rows": "3", "Columns": "4", "SamplesPerPixel": "1"}
        >>> header |= {"BitsAllocated": "16", "BitsStored": "12", "HighBit": "11"}
        >>> header |= {"PhotometricInterpretation": "MONOCHROME2"}
        >>> header |= {"PixelRepresentation": "1"}
        >>> find_stored_pixels(header | {"TransferSyntaxUID": "1.2.840.10008.1.2.1"})
        StoredPixels(shape=(3, 4), dtype='<i2', bits=12)
    """
    texts = [numbers_of(values, keyword, 1) for keyword in _KEYWORDS]
    numbers = [int(number[0]) for number in texts if number and number[0].is_integer()]
    if len(numbers) < len(texts):
        return None
    rows, columns, samples, allocated, stored, high, signed = numbers
    simple = (
        values.get("TransferSyntaxUID") in _SYNTAXES
        and values.get("PhotometricInterpretation") in _GREY
        and values.get("NumberOfFrames", "1") == "1"
        and (samples, high) == (1, stored - 1)
        and allocated in {8, 16}
        and 0 < stored <= allocated
        and signed in {0, 1}
        and min(rows, columns) > 0
    )
    if not simple:
        return None
    return StoredPixels((rows, columns), f"<{'ui'[signed]}{allocated // 8}", stored)
