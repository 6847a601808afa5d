"""Names of BIDS files: entities, suffix, and which metadata they inherit."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from medinorm.files.formats import image_suffixes
from medinorm.files.machine import pass_on_machine_fault

_SIDECAR = ".json"
_TABLE = ".tsv"


@dataclass(frozen=True)
class BidsFile:
    """A file whose name has entities.

    Args:
        path: the file.
        entities: label of each entity, in the order of the name.
        suffix: kind of data, such as ``T1w``.
        extension: that of an image format, ``.json`` or ``.tsv``, in lower case.
    """

    path: Path
    entities: Mapping[str, str]
    suffix: str
    extension: str

    @property
    def subject(self) -> str:
        """Label of the subject, empty in files that all subjects inherit."""
        return self.entities.get("sub", "")

    @property
    def session(self) -> str:
        """Label of the session, or empty."""
        return self.entities.get("ses", "")

    @property
    def image(self) -> bool:
        """Whether it is an image, not a sidecar or a table."""
        return self.extension not in {_SIDECAR, _TABLE}

    @property
    def sidecar(self) -> bool:
        """Whether it is a JSON file."""
        return self.extension == _SIDECAR

    @cached_property
    def meanings(self) -> dict[str, str]:
        """What its entities are compared by, see `meaning_of_label`."""
        return meanings_of(self.entities)

    def agrees(self, entities: Mapping[str, str]) -> bool:
        """Whether all its entities are among `entities`, by what their labels mean.

        Examples:
            >>> parse_name(Path("sub-01_T1w.json")).agrees({"sub": "1", "run": "1"})
            True
        """
        return self.meanings.items() <= meanings_of(entities).items()


def meaning_of_label(label: str) -> str:
    """What a label is compared by: a number without zeros, words without capitals.

    Examples:
        >>> meaning_of_label("01"), meaning_of_label("AB01"), meaning_of_label("000")
        ('1', 'ab01', '0')
    """
    if label.isascii() and label.isdigit():
        return label.lstrip("0") or "0"
    return label.casefold()


def meanings_of(entities: Mapping[str, str]) -> dict[str, str]:
    """What entities are compared by."""
    return {key: meaning_of_label(label) for key, label in entities.items()}


def parse_name(path: Path) -> BidsFile | None:
    """The parts of a BIDS name, or ``None`` if it is no such name.

    Examples:
        >>> file = parse_name(Path("sub-01_ses-b_run-2_T1w.nii.gz"))
        >>> file.entities, file.suffix
        ({'sub': '01', 'ses': 'b', 'run': '2'}, 'T1w')
        >>> parse_name(Path("notes.txt")) is None
        True
    """
    name, known = path.name, (*image_suffixes(), _SIDECAR, _TABLE)
    extension = next((end for end in known if name.lower().endswith(end)), None)
    if extension is None:
        return None
    *pairs, suffix = name[: -len(extension)].split("_")
    split = [pair.partition("-") for pair in pairs]
    if not suffix or not all(key and label for key, _, label in split):
        return None
    return BidsFile(path, {key: label for key, _, label in split}, suffix, extension)


def walk_dataset(folder: Path) -> Iterator[Path]:
    """All files in the order of their names; those in hidden folders do not count.

    Raises:
        OSError: the disk does not answer.
    """
    for parent, inner, names in os.walk(folder, onerror=pass_on_machine_fault):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names))


def inherited_metadata(
    image: BidsFile, sidecars: Mapping[Path, Iterable[BidsFile]]
) -> list[Path]:
    """The JSON files that describe an image, the closest one last.

    A sidecar counts if it lies in the image's folder or above, has its suffix and no
    entity that the image lacks.

    Args:
        image: the image.
        sidecars: JSON files by folder.

    References:
        BIDS specification, "The inheritance principle".
    """
    folders = reversed(image.path.parents)
    return [
        sidecar.path
        for folder in folders
        for sidecar in sorted(
            sidecars.get(folder, ()), key=lambda file: len(file.entities)
        )
        if sidecar.suffix == image.suffix and sidecar.agrees(image.entities)
    ]
