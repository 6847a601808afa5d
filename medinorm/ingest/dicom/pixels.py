"""Pixels of simple files, without pydicom: one image, whole numbers, uncompressed.

pydicom makes an object of each element of a file, which takes ten times as long as
reading the pixels. All other files are left to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medinorm.errors import ReadError
from medinorm.ingest.archives import open_input
from medinorm.ingest.dicom.files import MOST_BESIDE_PIXELS, Pixels, numbers_of

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
        except OSError:
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
