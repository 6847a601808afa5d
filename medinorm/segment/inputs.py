"""The scans to segment, as the input of a study; anything else is told apart here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from medinorm.config import InputConfig
from medinorm.errors import StageError
from medinorm.files.formats import image_suffixes
from medinorm.segment.images import list_images

_LOOKED_AT = 50  # files of a folder


@dataclass(frozen=True)
class NamedInput:
    """What a call names; one of them is to be there.

    Args:
        images: image files, and folders of them.
        scans: a table of scans.
        dicom: folders of DICOM files, and ZIP archives of them.
    """

    images: Sequence[Path] = ()
    scans: Path | None = None
    dicom: Sequence[Path] = ()


def choose_input(
    named: NamedInput,
    channels: Sequence[str],
    labels: Mapping[int, str],
    private: Path,
) -> InputConfig:
    """The scans to segment, as the input of a study.

    Args:
        named: what the call names.
        channels: names of the channels of the bundle.
        labels: value and name of each label.
        private: folder for a table of image files.

    Raises:
        StageError: not exactly one input is named, it is not there, or it is one that
            another flag takes.
    """
    _require_one(named)
    _check_images(named.images, channels)
    _check_dicom(named.dicom)
    if named.scans is not None and _is_image(named.scans):
        raise StageError("--scans: is an image file, not a table; give it to --images")
    table = named.scans
    if named.images:
        table = list_images(named.images, private, channels[0])
    return InputConfig(
        channels=tuple(channels),
        label_values=dict(labels),
        others="background",
        scans=table,
        dicom=tuple(named.dicom),
    )


def _require_one(named: NamedInput) -> None:
    """Check that a call names exactly one input.

    Raises:
        StageError: it names none or several.
    """
    if sum(map(bool, (named.images, named.scans, named.dicom))) != 1:
        raise StageError("name one input: --images, --scans or --dicom")


def check_places(sources: Sequence[Path], output: Path, private: Path) -> None:
    """Refuse folders to write in among the images: they would be segmented next time.

    Args:
        sources: image files, and folders of them.
        output: folder of the results.
        private: folder of what links pseudonyms to the input.

    Raises:
        StageError: one of them is a folder of images, or lies in one.
    """
    for flag, folder in (("--output", output), ("--private", private)):
        if any(folder.resolve().is_relative_to(one.resolve()) for one in sources):
            raise StageError(
                f"{flag}: lies in a folder of images that is read, so that label maps "
                "would be taken for scans; name a folder outside of it"
            )


def check_folders(
    named: NamedInput, like: Path | None, output: Path, private: Path, bundle: Path
) -> None:
    """Refuse an input that is not there, and folders that would spoil what is read.

    Args:
        named: what the call names.
        like: folder or table of unlabelled scans.
        output: folder of the results.
        private: folder of what links pseudonyms to the input.
        bundle: folder of the bundle.

    Raises:
        StageError: not exactly one input is named, it is not there, or a folder is a
            file or lies where it must not.
    """
    _require_one(named)
    for flag, folder in (("--output", output), ("--private", private)):
        if folder.exists() and not folder.is_dir():
            raise StageError(f"{flag}: is a file; name a folder")
    if named.scans is not None and not named.scans.exists():
        raise StageError("--scans: the table does not exist; correct the path")
    if missing := sum(not path.exists() for path in named.dicom):
        raise StageError(
            f"--dicom: {missing} of {len(named.dicom)} does not exist; correct the path"
        )
    tables = [path for path in (named.scans, like) if path and path.is_file()]
    check_output(output, tables, bundle)
    check_places([*named.images, *([like] if like else [])], output, private)


def check_output(output: Path, tables: Sequence[Path], bundle: Path) -> None:
    """Refuse an output folder whose files this call would spoil.

    Args:
        output: folder of the results.
        tables: tables of scans that are read; the results have a `scans.tsv` too.
        bundle: folder of the bundle.

    Raises:
        StageError: the folder holds a table, or lies in the bundle.
    """
    folder = output.resolve()
    if any(table.resolve().is_relative_to(folder) for table in tables):
        raise StageError(
            "--output: the table of scans lies in it, where tables of this call would "
            "be written over it; name another folder"
        )
    if folder.is_relative_to(bundle.resolve()):
        raise StageError("--output: lies in the bundle; name another folder")


def _check_images(images: Sequence[Path], channels: Sequence[str]) -> None:
    """Refuse image files that are none, before anything is written."""
    if images and len(channels) > 1:
        raise StageError(
            f"--images: the bundle needs {len(channels)} channels a scan; give --scans "
            f"with the columns {', '.join(channels)}"
        )
    if missing := sum(not path.exists() for path in images):
        raise StageError(
            f"--images: {missing} of {len(images)} does not exist; correct the path"
        )
    others = sum(path.is_file() and not _is_image(path) for path in images)
    if others:
        raise StageError(
            f"--images: {others} of {len(images)} is no image file "
            f"({', '.join(image_suffixes())}); give DICOM files, their folders and ZIP "
            "archives to --dicom"
        )


def _check_dicom(paths: Sequence[Path]) -> None:
    """Refuse image files in the place of DICOM; ingest tells of all else."""
    for number, path in enumerate(paths, 1):
        files = [path] if path.is_file() else list(islice(_files_in(path), _LOOKED_AT))
        if files and all(map(_is_image, files)):
            raise StageError(
                f"--dicom: {number} of {len(paths)} holds image files, not DICOM; give "
                "it to --images"
            )


def _files_in(folder: Path) -> Iterator[Path]:
    """The files of a folder, in no order."""
    return (path for path in folder.rglob("*") if path.is_file())


def _is_image(path: Path) -> bool:
    """Whether a file has the name of an image."""
    return path.name.lower().endswith(tuple(image_suffixes()))
