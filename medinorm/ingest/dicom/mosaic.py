"""Siemens mosaics: the slices of a volume as tiles of one stored image."""

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medinorm.errors import GeometryError, ReadError
from medinorm.ingest.dicom.files import Header, numbers_of, text_of
from medinorm.ingest.dicom.frame_keys import private_number, private_value
from medinorm.ingest.dicom.header_values import Private

Floats = NDArray[np.float64]

_CSA = Private(0x0029, "SIEMENS CSA HEADER", 0x10, b"OB")
_COUNT = Private(0x0019, "SIEMENS MR HEADER", 0x0A, b"US")
_MOST_TAGS = 4096  # more means that the bytes are something else
_UNIT_LENGTH = 1e-2


@dataclass(frozen=True)
class MosaicTile:
    """One slice of a mosaic.

    Args:
        corner: row and column of its first pixel in the stored image.
        position: centre of that pixel, LPS mm.
    """

    corner: tuple[int, int]
    position: tuple[float, ...]


def is_mosaic(header: Header) -> bool:
    """Whether a stored image is a mosaic."""
    return "MOSAIC" in text_of(header, "ImageType").upper().split("\\")


def tile_shape(header: Dataset) -> tuple[int, int]:
    """Rows and columns of one slice: the image is a square of tiles.

    Raises:
        ReadError: the header does not say how many slices there are.
    """
    rows, columns = _size(header)
    side = math.ceil(math.sqrt(_count(header)))
    if rows % side or columns % side:
        raise ReadError("mosaic: the image does not divide into its slices")
    return rows // side, columns // side


def read_tiles(header: Dataset) -> list[MosaicTile]:
    """Where the slices of a mosaic lie.

    ImagePositionPatient is where the first pixel would be if the whole image were one
    slice around the same centre, so the first tile starts half the difference of the
    two sizes further in. The slices follow the normal in the CSA header, which may
    point against that of rows and columns.

    Raises:
        ReadError: the header does not say how many slices there are.
        GeometryError: it does not say where they lie.
    """
    rows, columns = tile_shape(header)
    whole = np.array(_size(header)[::-1])
    known = [
        numbers_of(header, keyword, count)
        for keyword, count in (
            ("ImagePositionPatient", 3),
            ("ImageOrientationPatient", 6),
            ("PixelSpacing", 2),
        )
    ]
    if any(numbers is None for numbers in known):
        raise GeometryError(
            "no_geometry: position, orientation or pixel spacing is missing; "
            "export the series with its full headers"
        )
    position, directions, spacing = (np.array(numbers) for numbers in known)
    offset = (whole - [columns, rows]) / 2 * spacing[::-1]
    first = position + offset @ directions.reshape(2, 3)
    step = _normal(header, directions.reshape(2, 3)) * _gap(header)
    across = int(whole[0]) // columns
    return [
        MosaicTile(
            corner=(number // across * rows, number % across * columns),
            position=tuple(float(x) for x in first + number * step),
        )
        for number in range(_count(header))
    ]


def read_csa(content: bytes) -> dict[str, list[str]]:
    """The elements of a Siemens CSA header, as text.

    Either the older form or the newer, which begins with ``SV10``. Each element has a
    name of 64 bytes, a multiplicity, a type and items, of which each has four numbers
    and text padded to four bytes. The newer form keeps the text's length in the second
    number, the older one in the first, to which the first element's count is added.

    Returns:
        The texts of each element by its name; nothing if the bytes are no such header.

    References:
        "Siemens format DICOM with CSA header", NiBabel documentation.

    Examples:
        >>> read_csa(b"something else")
        {}
    """
    newer = content[:4] == b"SV10"
    elements: dict[str, list[str]] = {}
    base = None
    try:
        (count,) = struct.unpack_from("<I", content, place := 8 * newer)
        place += 8
        for _ in range(count if count <= _MOST_TAGS else 0):
            name, items = struct.unpack_from("<64s12xI", content, place)
            base = items if base is None else base
            texts, place = _read_items(
                content, place + 84, items, base=None if newer else base
            )
            elements[_text(name)] = texts
    except struct.error:
        return {}
    return elements


def _read_items(
    content: bytes, place: int, count: int, *, base: int | None
) -> tuple[list[str], int]:
    """The texts of one element that are not empty, and where the next one begins."""
    texts = []
    for _ in range(count):
        first, second = struct.unpack_from("<2i8x", content, place)
        length = second if base is None else first - base
        place += 16
        if length < 0 or place + length > len(content):
            break
        text = _text(content[place : place + length])
        texts += [text] if text else []
        place += -(-length // 4) * 4
    return texts, place


def _text(content: bytes) -> str:
    """Text up to the first zero."""
    return content.partition(b"\0")[0].decode("latin-1").strip()


def _csa_of(header: Dataset) -> dict[str, list[str]]:
    """The CSA header of an image."""
    content = private_value(header, _CSA)
    return read_csa(content) if isinstance(content, bytes) else {}


def _count(header: Dataset) -> int:
    """How many slices the mosaic holds."""
    texts = _csa_of(header).get("NumberOfImagesInMosaic", [])
    number = float(texts[0]) if texts and texts[0].isdecimal() else None
    count = number or private_number(header, _COUNT)
    if not count or count < 1 or count % 1:
        raise ReadError(
            "mosaic: the private header that says how many slices it holds is missing; "
            "export the series with its private elements, or as multi-frame"
        )
    return int(count)


def _size(header: Dataset) -> tuple[int, int]:
    """Rows and columns of the whole mosaic."""
    rows, columns = (numbers_of(header, name, 1) for name in ("Rows", "Columns"))
    if not (rows and columns and rows[0].is_integer() and columns[0].is_integer()):
        raise ReadError("a file has no pixels; copy the series again")
    return int(rows[0]), int(columns[0])


def _gap(header: Dataset) -> float:
    """Distance of slices in mm."""
    gap = numbers_of(header, "SpacingBetweenSlices", 1)
    if gap is None or not gap[0] > 0:
        raise GeometryError(
            "no_geometry: the mosaic does not say how far apart its slices lie"
        )
    return gap[0]


def _normal(header: Dataset, directions: Floats) -> Floats:
    """Direction from one slice to the next."""
    texts = _csa_of(header).get("SliceNormalVector", [])
    try:
        normal = np.array([float(text) for text in texts[:3]])
    except ValueError:
        normal = np.empty(0)
    across = np.cross(*directions)
    if normal.shape != (3,) or abs(abs(normal @ across) - 1) > _UNIT_LENGTH:
        raise GeometryError(
            "no_geometry: the mosaic's private header does not say in which direction "
            "its slices follow; export the series with its private elements"
        )
    towards: Floats = across * np.sign(normal @ across)
    return towards
