"""A map together with what it was fitted on, as a file."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medinorm import __version__
from medinorm.errors import IntensityError
from medinorm.files.atomic import checksum_of_values, read_json, write_json
from medinorm.intensity.maps.intensity_map import IntensityMap
from medinorm.intensity.maps.registry import map_from_dict, map_to_dict

_CHECKSUM = "checksum"  # of all other entries of the file


@dataclass(frozen=True)
class FittedMap:
    """A map learned from scans, and where it comes from.

    Args:
        method: name of the method that fitted it.
        parameters: its settings, the foreground policy among them, as JSON values.
        scans: on how many scans it was fitted.
        fitted_on: checksum of their ids (`hash_scans`).
        map: what to apply to every scan.
        version: version of medinorm that fitted it.
    """

    method: str
    parameters: Mapping[str, Any]
    scans: int
    fitted_on: str
    map: IntensityMap
    version: str = field(default=__version__)


def hash_scans(scans: Iterable[str]) -> str:
    """Checksum of the ids of scans, whatever their order: BLAKE2b-128, hexadecimal.

    Examples:
        >>> hash_scans(["b", "a"]) == hash_scans(["a", "b"])
        True
    """
    text = "\n".join(sorted(scans))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def write_fitted(fitted: FittedMap, path: Path) -> None:
    """Write a fitted map as JSON."""
    values = {**vars(fitted), "map": map_to_dict(fitted.map)}
    write_json(path, values | {_CHECKSUM: checksum_of_values(values)})


def read_fitted(path: Path) -> FittedMap:
    """Read a fitted map.

    Raises:
        IntensityError: the file does not exist, is not one that `write_fitted` wrote,
            or has been changed since.
    """
    try:
        values = dict(read_json(path))
        # Maps of version 0.1.0 have no checksum.
        if values.pop(_CHECKSUM, None) not in {None, checksum_of_values(values)}:
            raise IntensityError("changed since it was fitted; fit it again")
        return FittedMap(**{**values, "map": map_from_dict(values["map"])})
    except FileNotFoundError:  # perhaps another job has just deleted a damaged one
        raise IntensityError("does not exist; fit it again") from None
    except (TypeError, ValueError, KeyError):
        raise IntensityError("this is no fitted map; fit it again") from None
