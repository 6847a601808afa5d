"""The errors medinorm raises on purpose.

Each message is one line that names what was wrong and what to do. A message never
repeats a path, a header value or another library's text: those may hold patient data.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class MedinormError(Exception):
    """An error that a user can correct; the command line shows it as one line."""


class ConfigError(MedinormError):
    """A key of the configuration is unknown, of the wrong type or impossible."""


class StageError(MedinormError):
    """A stage cannot start or go on: an input is missing, empty or contradictory."""


class DamagedError(StageError):
    """A file that a stage made is damaged or lost; the next run makes it again."""


class ItemError(MedinormError):
    """One item of a job (a scan, a training run) fails; the others go on."""


class RunError(ItemError):
    """A training run cannot be finished, or its network cannot be used."""


class DivergedError(RunError):
    """The loss of a training run became not finite."""


class FetchError(ItemError):
    """A PACS does not answer, refuses, or does not send what it lists."""


class ScanError(ItemError):
    """One scan cannot be used."""


class ReadError(ScanError):
    """A file is truncated, damaged or of a kind that cannot be read."""


class GeometryError(ScanError):
    """Voxel grids do not match, or a grid cannot be placed in the world."""


class IntensityError(ScanError):
    """The intensities are unusable: constant, not finite, nothing in the foreground."""


class LabelError(ScanError):
    """The label map is missing, off the image's grid or holds unknown values."""


def may_be_shown(value: Any) -> bool:
    """Whether a value is short and no path, which may be named after a patient."""
    if isinstance(value, str):
        return not set("/\\") & set(value)
    return isinstance(value, int | float | bool | None)


def refuse_name(value: Any, known: Iterable[str]) -> str:
    """The words for a name that is none of the known ones.

    Examples:
        >>> refuse_name("bach", ["batch", "group"])
        "unknown name 'bach'; did you mean batch? known: batch, group"
        >>> refuse_name("/data/batch", ["batch", "group"])
        'unknown name; known: batch, group'
    """
    names = list(known)
    shown = may_be_shown(value)
    close = get_close_matches(str(value), names, n=1) if shown else []
    hint = f"did you mean {close[0]}? " if close else ""
    name = f"unknown name {value!r}" if shown else "unknown name"
    return f"{name}; {hint}known: {', '.join(names)}"
