"""NRRD and MetaImage files, read through SimpleITK and turned from LPS+ to RAS+."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from medinorm.errors import GeometryError, ReadError
from medinorm.files.machine import pass_on_machine_fault
from medinorm.files.nifti import Volume
from medinorm.files.places import Affine, Place, is_singular
from medinorm.files.signatures import HEAD, refuse_other_content

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # between RAS+ (here) and LPS+ (ITK)
_HEADER = 1 << 16  # bytes; headers are text, and shorter
_LONGEST_NAME = 200  # of a file
_MILLIMETRES = frozenset({"mm", ""})
_UNKNOWN_UNIT = "?"  # as MetaIO writes it
# What a MetaImage calls the directions of its axes, its origin and its voxel sizes.
_META_DIRECTIONS = ("transformmatrix", "orientation", "rotation")
_META_ORIGINS = ("offset", "position", "origin")
_META_SIZES = ("elementspacing", "elementsize")
# Axes in a patient, which ITK turns into its own; others it takes for its own.
_SPACES = frozenset(
    {
        *("ras", "las", "lps", "right-anterior-superior", "left-anterior-superior"),
        "left-posterior-superior",
    }
)


def read_nrrd_file(path: Path) -> Volume:
    """Read a NRRD file with its voxels.

    A file that does not say where its axes lie in a patient has voxel sizes, and no
    place; see `Volume.places`.

    Raises:
        ReadError: the file is missing, damaged, of another kind or in two files.
        GeometryError: lengths are in another unit than mm, or the place is impossible.
    """
    head = _read_head(path)
    if not head.startswith(b"NRRD"):
        raise ReadError("not a NRRD image; convert it to .nii.gz")
    fields = _nrrd_fields(head)
    if "data file" in fields or "datafile" in fields:
        raise ReadError("NRRD with its voxels in another file; save it as one .nrrd")
    units = fields.get("space units", fields.get("units", "")).split('"')[1::2]
    if not {unit.strip().lower() for unit in units} <= _MILLIMETRES:
        raise GeometryError("lengths are not in mm; convert them")
    volume = _read(path, "NrrdImageIO")
    if "space directions" not in fields:
        _check_sizes(fields.get("spacings", ""))
    if fields.get("space", "").lower() in _SPACES and "space directions" in fields:
        return volume
    return _unplaced(volume)


def read_meta_file(path: Path) -> Volume:
    """Read a MetaImage: `.mha`, or `.mhd` with the file of voxels beside it.

    A file that does not say where its axes and its origin lie has voxel sizes, and no
    place; see `Volume.places`.

    Raises:
        ReadError: the file is missing, damaged or of another kind.
        GeometryError: lengths are in another unit than mm, voxel sizes make no sense,
            or the place is impossible.
    """
    head = _read_head(path)
    if b"NDims" not in head:
        raise ReadError("not a MetaImage; convert it to .nii.gz")
    meta_voxels(path)
    fields = _meta_fields(head)
    unit = fields.get("distanceunits", "").lower()
    if unit not in _MILLIMETRES | {_UNKNOWN_UNIT}:
        raise GeometryError("lengths are not in mm; convert them")
    _check_sizes(_first_of(fields, _META_SIZES))
    directions = _first_of(fields, _META_DIRECTIONS)
    _check_directions(directions)
    volume = _read(path, "MetaImageIO")
    origin = _first_of(fields, _META_ORIGINS)
    return volume if directions and origin else _unplaced(volume)


def _first_of(fields: Mapping[str, str], names: Sequence[str]) -> str:
    """The first field that has a value."""
    return next(filter(None, (fields.get(name, "") for name in names)), "")


def _check_sizes(text: str) -> None:
    """Refuse voxel sizes that ITK takes for 1, for a mirror or for damage.

    Raises:
        GeometryError: one of the first three is absent, negative, zero or no number.
    """
    sizes = [size for size in _numbers(text) if not np.isnan(size)]
    if not text:
        raise GeometryError("the header has no voxel sizes; add them")
    if min(sizes, default=1.0) < 0:
        raise GeometryError(
            "voxel sizes are negative; make them positive, and say by the directions "
            "of the axes if one is mirrored"
        )
    # NRRD says `nan` of an axis that is none of space: channels.
    if not sizes or not all(0 < size < np.inf for size in sizes):
        raise GeometryError("voxel sizes are 0 or not finite; repair the header")


def _check_directions(text: str) -> None:
    """Refuse directions of axes that span no space, which ITK takes for damage."""
    numbers = _numbers(text)
    side = round(len(numbers) ** 0.5)
    if side not in {3, 4} or side**2 != len(numbers):
        return  # said where the file is read
    if is_singular(np.pad(np.reshape(numbers, (side, side))[:3, :3], (0, 1))):
        raise GeometryError("the affine is singular or not finite; repair the header")


def _numbers(text: str) -> list[float]:
    """The numbers of a field; what is none is not-a-number."""
    try:
        return [float(word) for word in text.split()]
    except ValueError:
        return [float("nan")]


def _unplaced(volume: Volume) -> Volume:
    """The same volume, of which only voxel sizes are known."""
    return Volume(volume.array, volume.affine, (Place("pixdim", volume.affine),))


def meta_voxels(path: Path) -> list[Path]:
    """The file of voxels of a `.mhd`, none if they are in the same file.

    Raises:
        ReadError: it is not one file in the same folder.
    """
    fields = _meta_fields(_read_head(path))
    name = fields.get("elementdatafile", "")
    if name.upper() == "LOCAL":
        return []
    if not name:
        raise ReadError("truncated or damaged; copy the file again")
    single = Path(name).name == name and len(name) <= _LONGEST_NAME
    if not single or "%" in name or name.upper() == "LIST":
        raise ReadError("MetaImage: its voxels are in other files; save it as one .mha")
    voxels = path.with_name(name)
    if not voxels.is_file():
        raise ReadError("MetaImage: its file of voxels is not beside it; copy both")
    return [voxels]


def _read_head(path: Path) -> bytes:
    """The start of a file, which must not be that of something else."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEADER)
    except FileNotFoundError:
        raise ReadError("the file does not exist") from None
    except PermissionError:
        raise ReadError("may not be read; check the file's permissions") from None
    except IsADirectoryError:
        raise ReadError("is a folder; give the path of a file") from None
    refuse_other_content(head[:HEAD])
    return head


def _nrrd_fields(head: bytes) -> Mapping[str, str]:
    """The fields of a NRRD header, up to its empty line."""
    text = head.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("latin-1")
    pairs = (line.partition(":") for line in text.splitlines() if ":=" not in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _meta_fields(head: bytes) -> Mapping[str, str]:
    """The fields of a MetaImage header; the last one names the voxels."""
    fields: dict[str, str] = {}
    for line in head.decode("latin-1").splitlines():
        name, _, value = line.partition("=")
        fields[name.strip().lower()] = value.strip()
        if "elementdatafile" in fields:
            break
    return fields


def _read(path: Path, reader: str) -> Volume:
    """Read an image by one of ITK's readers, whatever its name.

    Errors do not repeat ITK's text: it holds the path.
    """
    warned = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # they hold the path too
    try:
        image = sitk.ReadImage(str(path), imageIO=reader)
    except RuntimeError as error:
        pass_on_machine_fault(error)
        raise ReadError("truncated or damaged; copy the file again") from None
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(warned)
    dimension = image.GetDimension()
    if dimension not in {3, 4}:
        raise ReadError(f"has {dimension} axes; 3 or 4 are read")
    affine = _affine(image)
    if is_singular(affine):
        raise GeometryError("the affine is singular or not finite; repair the header")
    array = sitk.GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() == 1:
        array = array[..., np.newaxis]
    if dimension == 3:
        array = array[np.newaxis]  # of one time
    # (T, Z, Y, X, components) to (T, components, X, Y, Z), then both are channels.
    array = array.transpose(0, 4, 3, 2, 1)
    return Volume(array.reshape(-1, *array.shape[2:]), affine)


def _affine(image: sitk.Image) -> Affine:
    """From voxel index to RAS+ mm: the first three axes are places."""
    dimension = image.GetDimension()
    directions = np.reshape(image.GetDirection(), (dimension, dimension))[:3, :3]
    affine = np.eye(4)
    affine[:3, :3] = directions * np.array(image.GetSpacing()[:3])
    affine[:3, 3] = image.GetOrigin()[:3]
    return np.asarray(_LPS @ affine)
