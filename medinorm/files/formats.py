"""Formats of image files that ingest reads: one declaration for each.

A new format is one more function here, under `image_format`. Tables of scans, tables of
label maps and BIDS data sets then take its files, and the configuration names it.
What the workflow itself writes is NIfTI.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from medinorm.files.nifti import Volume, read_volume

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


@image_format("NIfTI", "NIfTI-1, in one file", suffixes=(".nii.gz", ".nii"))
def read_nifti(path: Path) -> Volume:
    """Read a NIfTI file; see `read_volume`."""
    return read_volume(path)


def image_suffixes() -> list[str]:
    """The ends of all names of image files, longer ones first.

    Examples:
        >>> ".nii.gz" in image_suffixes()
        True
    """
    suffixes = {end for known in FORMATS.values() for end in known.suffixes}
    return sorted(suffixes, key=lambda end: (-len(end), end))


def read_image(path: Path) -> Volume:
    """Read an image file of any format.

    Args:
        path: its suffix says which format it has; without a known one it is taken for
            NIfTI.

    Raises:
        ScanError: the file is missing or damaged, is no image, or has no position in
            the world.
    """
    name = path.name.lower()
    for known in FORMATS.values():
        if name.endswith(tuple(known.suffixes)):
            return known.read(path)
    return read_nifti(path)
