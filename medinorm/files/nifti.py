"""A volume: voxels and where they lie in the world; read from and written to NIfTI."""

import gzip
import math
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from isal import igzip
from isal.igzip_lib import IsalError
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import DTypeLike, NDArray

from medinorm.errors import GeometryError, ReadError
from medinorm.files.atomic import replacing

# igzip level 1 is within 2 % of the size of level 3 here and writes a third faster.
_LEVEL = 1

_RIGHT_ANGLE = 1e-3  # largest cosine of two axes; headers are rounded

# In the NIfTI header: bits of the unit of length; metres, micrometres.
_LENGTH_UNIT = 7
_NOT_MILLIMETRES = frozenset({1, 3})

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
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]

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

    def same_grid(self, other: "Volume", tolerance: float = 1e-3) -> bool:
        """Whether both have the same voxels at the same world positions.

        Args:
            other: the volume to compare with.
            tolerance: largest distance of corresponding corners, in mm.
        """
        if self.grid != other.grid:
            return False
        corners = _corners(self.grid)
        distance = np.abs(corners @ (self.affine - other.affine).T).max()
        return bool(distance <= tolerance)


def read_volume(path: Path, *, mmap: bool = False) -> Volume:
    """Read a NIfTI file (``.nii`` or ``.nii.gz``), with its scaling applied.

    Args:
        path: a 3D file, or a 4D file whose last axis is the channel.
        mmap: leave the voxels of an uncompressed, unscaled file on disk.

    Returns:
        The volume; integer files without scaling keep their data type.

    Raises:
        ReadError: the file is missing, damaged, or not a 3D or 4D NIfTI image.
        GeometryError: its header does not place it in the world.
    """
    image = _load(path, mmap=mmap)
    affine = _affine(image)
    voxels = image.dataobj if mmap else _scaled(image)
    array = np.asanyarray(voxels)
    array = array[..., np.newaxis] if array.ndim == 3 else array
    return Volume(np.moveaxis(array, -1, 0), affine)


def read_grid(path: Path) -> Volume:
    """Read where the voxels of a NIfTI file lie, without reading them.

    Returns:
        A volume of no channels.

    Raises:
        ReadError: the file is missing, damaged, or not a 3D or 4D NIfTI image.
        GeometryError: its header does not place it in the world.
    """
    try:
        image = nib.Nifti1Image.from_filename(path)
    except FileNotFoundError:
        raise ReadError("the file does not exist") from None
    except _UNREADABLE:
        raise ReadError("truncated or damaged; copy the file again") from None
    return Volume(np.empty((0, *image.shape[:3]), dtype=np.uint8), _affine(image))


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
    image = nib.Nifti1Image(np.asarray(array, dtype=dtype), volume.affine)
    image.header.set_xyzt_units("mm")
    # A qform has right angles only: a reader that prefers it to the sform would
    # misplace a volume with other angles.
    image.set_qform(volume.affine, code=1 if _has_right_angles(volume.affine) else 0)
    image.set_sform(volume.affine, code=1)
    with replacing(path) as temporary:
        content = image.to_bytes()
        if path.suffix == ".gz":
            content = igzip.compress(content, compresslevel=_LEVEL, mtime=0)
        temporary.write_bytes(content)


def _has_right_angles(affine: NDArray[np.float64]) -> bool:
    """Whether the axes are perpendicular, up to the rounding of headers."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() < _RIGHT_ANGLE)


def _affine(image: nib.Nifti1Image) -> NDArray[np.float64]:
    """The affine of a 3D or 4D image that says where it lies."""
    if min(image.shape, default=0) < 1:
        raise ReadError("the header has impossible dimensions; copy the file again")
    if len(image.shape) not in {3, 4}:
        raise ReadError(f"has {len(image.shape)} axes; 3 or 4 (channels last) are read")
    if image.header["sform_code"] == 0 and image.header["qform_code"] == 0:
        raise GeometryError("the header has neither sform nor qform; set one of them")
    if int(image.header["xyzt_units"]) & _LENGTH_UNIT in _NOT_MILLIMETRES:
        raise GeometryError("lengths are in metres or micrometres; convert them to mm")
    affine = np.asarray(image.affine, dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-9:
        raise GeometryError("the affine is singular or not finite; repair the header")
    return affine


def _load(path: Path, *, mmap: bool) -> nib.Nifti1Image:
    """The nibabel image, its voxels in memory or mapped.

    Errors do not repeat nibabel's text: it holds the path.
    """
    try:
        if mmap and path.suffix != ".gz":
            return nib.Nifti1Image.from_filename(path, mmap=True)
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = igzip.decompress(content)
        image = nib.Nifti1Image.from_bytes(content)
        if len(content) < image.dataobj.offset + _bytes_of(image):
            raise EOFError
        return image
    except FileNotFoundError:
        raise ReadError("the file does not exist") from None
    except PermissionError:
        raise ReadError("may not be read; check the file's permissions") from None
    except _DAMAGED:
        raise ReadError("truncated or damaged; copy the file again") from None
    except _NOT_NIFTI:
        raise ReadError("not a NIfTI-1 image; convert it to .nii or .nii.gz") from None


def _bytes_of(image: nib.Nifti1Image) -> int:
    """How many bytes the voxels of a NIfTI image take on disk."""
    voxels: int = math.prod(image.shape)
    return voxels * int(image.get_data_dtype().itemsize)


def _scaled(image: nib.Nifti1Image) -> NDArray[Any]:
    """Voxels with slope and intercept applied; float32 if they change anything."""
    # nibabel clears these in the header of a loaded image.
    if (image.dataobj.slope, image.dataobj.inter) == (1, 0):
        return np.asanyarray(image.dataobj.get_unscaled())
    return np.asarray(image.dataobj, dtype=np.float32)


def _corners(grid: tuple[int, int, int]) -> NDArray[np.float64]:
    """The eight corner voxels of a grid, homogeneous, shape ``(8, 4)``."""
    ends = [(0, size - 1) for size in grid]
    axes = np.meshgrid(*ends, [1], indexing="ij")
    return np.stack([axis.ravel() for axis in axes], axis=1).astype(np.float64)
