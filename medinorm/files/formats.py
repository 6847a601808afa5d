"""Formats of image files that ingest reads: one declaration for each.

A new format is one more function here, under `image_format`. Tables of scans, tables of
label maps and BIDS data sets then take its files, and the configuration names it.
What the workflow itself writes is NIfTI.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from medinorm.files.nifti import Volume, read_unplaced_volume

ReadImage: TypeAlias = Callable[[Path], Volume]


@dataclass(frozen=True)
class ImageFormat:
    """A format of image files.

    Args:
        name: its usual name.
        text: what it is, in a few words.
        suffixes: ends of its files' names, in lower case.
        read: reads voxels and affine; raises a `ScanError` if it cannot.
    """

    name: str
    text: str
    suffixes: Sequence[str]
    read: ReadImage


# By name, in the order of the functions below.
FORMATS: dict[str, ImageFormat] = {}


def image_format(
    name: str, text: str, *, suffixes: Sequence[str]
) -> Callable[[ReadImage], ReadImage]:
    """Declare the function below as the reader of a format; see `ImageFormat`."""

    def declare(read: ReadImage) -> ReadImage:
        FORMATS[name] = ImageFormat(name, text, suffixes, read)
        return read

    return declare


@image_format("NIfTI", "NIfTI-1 or NIfTI-2, in one file", suffixes=(".nii.gz", ".nii"))
def read_nifti(path: Path) -> Volume:
    """Read a NIfTI file; see `read_unplaced_volume`."""
    return read_unplaced_volume(path)


@image_format("NRRD", "NRRD, in one file", suffixes=(".nrrd",))
def read_nrrd(path: Path) -> Volume:
    """Read a NRRD file; see `read_nrrd_file`."""
    from medinorm.files.itk_images import read_nrrd_file  # noqa: PLC0415 (SimpleITK)

    return read_nrrd_file(path)


@image_format("MetaImage", "MetaImage, in one or two files", suffixes=(".mha", ".mhd"))
def read_meta_image(path: Path) -> Volume:
    """Read a MetaImage; see `read_meta_file`."""
    from medinorm.files.itk_images import read_meta_file  # noqa: PLC0415 (SimpleITK)

    return read_meta_file(path)


def image_suffixes() -> list[str]:
    """The ends of all names of image files, longer ones first.

    Examples:
        >>> ".nii.gz" in image_suffixes()
        True
    """
    suffixes = {end for known in FORMATS.values() for end in known.suffixes}
    return sorted(suffixes, key=lambda end: (-len(end), end))


def files_of_image(path: Path) -> list[Path]:
    """All files that an image consists of: a `.mhd` has its voxels in another one.

    Raises:
        ReadError: a `.mhd` does not name one that lies beside it.
    """
    if path.suffix.lower() != ".mhd" or not path.is_file():
        return [path]
    from medinorm.files.itk_images import meta_voxels  # noqa: PLC0415 (SimpleITK)

    return [path, *meta_voxels(path)]


def read_image(path: Path) -> Volume:
    """Read an image file of any format.

    Args:
        path: its suffix says which format it has; without a known one it is taken for
            NIfTI.

    Returns:
        The volume, with `places` where its header leaves it uncertain where it lies.

    Raises:
        ScanError: the file is missing or damaged, is no image, or has no position in
            the world.
    """
    known = _format_of(path)
    return known.read(path) if known else read_nifti(path)


def _format_of(path: Path) -> ImageFormat | None:
    """The format that a file's name says."""
    name = path.name.lower()
    for known in FORMATS.values():
        if name.endswith(tuple(known.suffixes)):
            return known
    return None
