"""A volume: voxels and where they lie in the world; read from and written to NIfTI."""

import gzip
import math
import zlib
from dataclasses import dataclass, replace
from io import BufferedWriter, BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np
from isal import igzip
from isal.igzip_lib import IsalError
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import DTypeLike, NDArray

from medinorm.errors import GeometryError, ReadError
from medinorm.files.atomic import replacing
from medinorm.files.machine import pass_on_machine_fault
from medinorm.files.places import (
    Place,
    corners_agree,
    describe_difference,
    differ,
    is_singular,
    places_of,
)
from medinorm.files.signatures import HEAD, refuse_other_content

# igzip level 1 is within 2 % of the size of level 3 here and writes a third faster.
_CHUNK = 1 << 20  # bytes that are compressed at once
_LEVEL = 1

_RIGHT_ANGLE = 1e-3  # largest cosine of two axes; headers are rounded

# In the NIfTI header: bits of the unit of length; metres, micrometres.
_LENGTH_UNIT = 7
_NOT_MILLIMETRES = frozenset({1, 3})

# An intercept of so many slopes may leave no contrast in single precision.
_FAR = 1 << 15

_GZIP = b"\x1f\x8b"
# The size of a header is its first number: NIfTI-2 has 540 bytes, NIfTI-1 348.
_NIFTI_2 = tuple((540).to_bytes(4, order) for order in ("little", "big"))
# Where both have `pixdim`, and the type of its numbers, by the size of the header.
_PIXDIM = {348: (76, "f4"), 540: (104, "f8")}
_PAIR = frozenset({".hdr", ".img"})
_IS_PAIR = "one of two files (.hdr and .img); convert them to one .nii file"

_DAMAGED: tuple[type[Exception], ...] = (  # type: ignore[assignment]
    EOFError,
    zlib.error,
    IsalError,  # its type stub declares an instance, not a class
    gzip.BadGzipFile,
    WrapStructError,
)
# ValueError: dimensions that no image can have.
_NOT_NIFTI: tuple[type[Exception], ...] = (ImageFileError, HeaderDataError, ValueError)
_UNREADABLE: tuple[type[Exception], ...] = (OSError, *_DAMAGED, *_NOT_NIFTI)


@dataclass(frozen=True)
class Volume:
    """Voxels with their place in the world.

    Args:
        array: shape ``(C, X, Y, Z)``.
        affine: ``(4, 4)``, voxel index to RAS+ world position in mm.
        places: where else its file may put it, if that is not certain: transforms that
            contradict each other, `affine` the first; or a single one that is known
            by voxel sizes only.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]
    places: tuple[Place, ...] = ()

    @property
    def grid(self) -> tuple[int, int, int]:
        """Number of voxels along the three axes."""
        x, y, z = self.array.shape[1:]
        return x, y, z

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of voxel centres along the three axes, in mm."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    def with_array(self, array: NDArray[Any]) -> "Volume":
        """Other voxels at the same place."""
        return replace(self, array=array)

    def at(self, affine: NDArray[np.float64]) -> "Volume":
        """The same voxels, certain to lie at one place."""
        return Volume(self.array, affine)

    def same_grid(self, other: "Volume", tolerance: float = 1e-3) -> bool:
        """Whether both have the same voxels at the same world positions.

        Args:
            other: the volume to compare with.
            tolerance: largest distance of corresponding corners along an axis, as a
                fraction of a voxel's size.
        """
        if self.grid != other.grid:
            return False
        return corners_agree(self.grid, self.affine, other.affine, tolerance)


def read_volume(path: Path, *, mmap: bool = False) -> Volume:
    """Read a NIfTI file with its scaling applied; its content says if it is compressed.

    Args:
        path: a 3D file, or a 4D file whose last axis is the channel.
        mmap: leave the voxels of an uncompressed, unscaled file on disk.

    Returns:
        The volume; integer files without scaling keep their data type.

    Raises:
        ReadError: the file is missing, damaged, or not a 3D or 4D NIfTI image.
        GeometryError: its header does not place it in the world, or at two places.
    """
    volume = read_unplaced_volume(path, mmap=mmap)
    if volume.places:
        raise GeometryError(why_uncertain(volume))
    return volume


def read_unplaced_volume(path: Path, *, mmap: bool = False) -> Volume:
    """Read a NIfTI file whose header may leave its place uncertain.

    See `read_volume`, which refuses such files. What makes it certain is the file's
    partner: the label map, or the image.

    Returns:
        The volume with its possible `places`; none if the header is certain.
    """
    stored = _load(path, mmap=mmap)
    places = _places(stored.header, stored.sizes)
    voxels = stored.voxels if mmap else _scaled(stored.voxels)
    array = np.asanyarray(voxels)
    array = array.reshape(_without_empty_axes(array.shape))
    array = array[..., np.newaxis] if array.ndim == 3 else array
    certain = len(places) == 1 and places[0].source != "pixdim"
    affine = places[0].affine
    return Volume(np.moveaxis(array, -1, 0), affine, () if certain else places)


def why_uncertain(volume: Volume) -> str:
    """Why a header's place is not certain, and what to do, in one line."""
    if len(volume.places) < 2:
        return "the header has neither sform nor qform; set one of them"
    return f"{describe_difference(*volume.places[:2])}; correct the header"


def read_grid(path: Path) -> Volume:
    """Read where the voxels of a NIfTI file lie, without reading them.

    Returns:
        A volume of no channels.

    Raises:
        ReadError: the file is missing, damaged, or not a 3D or 4D NIfTI image.
        GeometryError: its header does not place it in the world.
    """
    try:
        header, _ = _parse_header(_read_header_bytes(path))
    except FileNotFoundError:
        raise ReadError("the file does not exist") from None
    except _UNREADABLE as error:
        pass_on_machine_fault(error)
        raise ReadError("truncated or damaged; copy the file again") from None
    grid = header.get_data_shape()[:3]
    affine = _places(header)[0].affine
    return Volume(np.empty((0, *grid), dtype=np.uint8), affine)


def write_volume(volume: Volume, path: Path, dtype: DTypeLike | None = None) -> None:
    """Write a volume as NIfTI-1 with a fresh header, all or nothing.

    One channel gives a 3D file, more give a 4D file with the channel last. The same
    volume always gives the same bytes.

    Args:
        volume: what to write.
        path: ends in ``.nii`` or ``.nii.gz``.
        dtype: data type on disk; that of the array if not given.
    """
    array = np.moveaxis(volume.array, 0, -1)
    array = array[..., 0] if array.shape[-1] == 1 else array
    array = np.asarray(array, dtype=dtype)
    header = _header_of(array, volume.affine)
    with replacing(path) as temporary, temporary.open("wb") as stream:
        if path.suffix == ".gz":
            packed = igzip.IGzipFile(
                "", "wb", compresslevel=_LEVEL, fileobj=stream, mtime=0
            )
            with packed, BufferedWriter(packed, _CHUNK) as chunks:
                _write_image(chunks, header, array)
        else:
            _write_image(stream, header, array)


def _header_of(array: NDArray[Any], affine: NDArray[np.float64]) -> nib.Nifti1Header:
    """The header of an image without scaling; that of nibabel, in fewer steps."""
    header = nib.Nifti1Header()
    header.set_data_dtype(array.dtype)
    header.set_data_shape(array.shape)
    header.set_xyzt_units("mm")
    header.set_slope_inter(1, 0)
    # A qform has right angles only: a reader that prefers it to the sform would
    # misplace a volume with other angles.
    header.set_qform(affine, code=1 if _has_right_angles(affine) else 0)
    header.set_sform(affine, code=1)
    return header


def _write_image(
    stream: BinaryIO, header: nib.Nifti1Header, array: NDArray[Any]
) -> None:
    """Write header and voxels, a slice or a channel at a time."""
    header.write_to(stream)
    stored = header.get_data_dtype()
    stream.writelines(  # the first axis changes fastest
        np.ascontiguousarray(slices, dtype=stored).data for slices in array.T
    )


def _has_right_angles(affine: NDArray[np.float64]) -> bool:
    """Whether the axes are perpendicular, up to the rounding of headers."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() < _RIGHT_ANGLE)


def _places(
    header: nib.Nifti1Header, sizes: NDArray[np.float64] | None = None
) -> tuple[Place, ...]:
    """Where the header of a 3D or 4D image says it lies; several contradict."""
    shape = _without_empty_axes(header.get_data_shape())
    if min(shape, default=0) < 1:
        raise ReadError("the header has impossible dimensions; copy the file again")
    if len(shape) not in {3, 4}:
        raise ReadError(f"has {len(shape)} axes; 3 or 4 (channels last) are read")
    if int(header["xyzt_units"]) & _LENGTH_UNIT in _NOT_MILLIMETRES:
        raise GeometryError("lengths are in metres or micrometres; convert them to mm")
    first, *others = places_of(header, sizes)
    x, y, z, *_ = shape
    if any(is_singular(place.affine) for place in (first, *others)):
        raise GeometryError("the affine is singular or not finite; repair the header")
    contrary = [other for other in others if differ((x, y, z), first, other)]
    return (first, *contrary)


def _without_empty_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without axes of one element behind the third.

    ITK writes channels as the fifth axis, some tools add empty axes.

    Examples:
        >>> _without_empty_axes((4, 5, 1, 1, 1)), _without_empty_axes((4, 5, 6, 1, 2))
        ((4, 5, 1), (4, 5, 6, 2))
    """
    return shape[:3] + tuple(size for size in shape[3:] if size != 1)


@dataclass(frozen=True)
class _Stored:
    """A NIfTI file as it is stored.

    Args:
        header: its header, with what nibabel repairs.
        voxels: in memory or mapped.
        sizes: `pixdim` before it was repaired, if known.
    """

    header: nib.Nifti1Header
    voxels: ArrayProxy
    sizes: NDArray[np.float64] | None = None


def _load(path: Path, *, mmap: bool) -> _Stored:
    """A NIfTI file, its voxels in memory or mapped.

    Errors do not repeat nibabel's text: it holds the path.
    """
    try:
        if mmap and path.suffix != ".gz":
            image = nib.Nifti1Image.from_filename(path, mmap=True)
            return _Stored(image.header, image.dataobj)
        content = _read_content(path)
        header, sizes = _parse_header(content)
        voxels = ArrayProxy(BytesIO(content), header)
        size: int = math.prod(voxels.shape) * int(voxels.dtype.itemsize)
        if len(content) < voxels.offset + size:
            raise EOFError
        return _Stored(header, voxels, sizes)
    except FileNotFoundError:
        raise ReadError("the file does not exist") from None
    except PermissionError:
        raise ReadError("may not be read; check the file's permissions") from None
    except IsADirectoryError:
        raise ReadError("is a folder; give the path of a file") from None
    except (*_DAMAGED, *_NOT_NIFTI) as error:
        raise ReadError(_why_unreadable(path, error)) from None


def _why_unreadable(path: Path, error: Exception) -> str:
    """What is the matter with a file that cannot be read."""
    if path.suffix.lower() in _PAIR:
        return _IS_PAIR
    if isinstance(error, _DAMAGED):
        return "truncated or damaged; copy the file again"
    return "not a NIfTI image; convert it to .nii or .nii.gz"


def _read_content(path: Path) -> bytes:
    """The bytes of a file, unpacked if they are compressed by gzip."""
    content = path.read_bytes()
    if content.startswith(_GZIP):
        content = igzip.decompress(content)
    refuse_other_content(content[:HEAD])
    return content


def _read_header_bytes(path: Path) -> bytes:
    """The bytes of a file's header, without its extensions."""
    with path.open("rb") as stream:
        packed = stream.read(len(_GZIP)) == _GZIP
        stream.seek(0)
        source = igzip.IGzipFile(fileobj=stream) if packed else stream
        content = source.read(max(_PIXDIM))
    return content if content.startswith(_NIFTI_2) else content[: min(_PIXDIM)]


def _parse_header(
    content: bytes,
) -> tuple[nib.Nifti1Header, NDArray[np.float64]]:
    """The header of a NIfTI-1 or NIfTI-2 file, and its voxel sizes as they are stored.

    nibabel makes 1 of those that are 0.

    Raises:
        ReadError: its voxels are in a second file.
    """
    second = content.startswith(_NIFTI_2)
    magic = content[4:8] if second else content[344:348]
    if magic.startswith(b"ni"):
        raise ReadError(_IS_PAIR)
    kind = nib.Nifti2Header if second else nib.Nifti1Header
    header = kind.from_fileobj(BytesIO(content))
    header.get_best_affine()  # or an error, if there is none
    place, number = _PIXDIM[kind.sizeof_hdr]
    number = header.endianness + number
    stored = np.frombuffer(content, number, count=4, offset=place)
    return header, stored[1:].astype(np.float64)


def _scaled(voxels: ArrayProxy) -> NDArray[Any]:
    """Voxels with slope and intercept applied, as float32 if they change anything.

    Where that might lose the contrast they are float64; the checks of ingest decide.
    """
    if (voxels.slope, voxels.inter) == (1, 0):
        return np.asanyarray(voxels.get_unscaled())
    is_double = voxels.dtype == np.float64
    wide = is_double or abs(voxels.inter) > _FAR * abs(voxels.slope)
    return np.asarray(voxels, dtype=np.float64 if wide else np.float32)
