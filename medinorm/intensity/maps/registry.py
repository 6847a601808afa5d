"""Every kind of intensity map by name, to and from JSON values."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any

from medinorm.errors import IntensityError
from medinorm.intensity import methods
from medinorm.intensity.maps import linear, piecewise
from medinorm.intensity.maps.intensity_map import IntensityMap


def _find_maps() -> Iterator[tuple[str, type]]:
    """The classes with a `kind` of their own, here and beside the methods."""
    names = [one.name for one in iter_modules(methods.__path__)]
    beside = [import_module(f"{methods.__name__}.{name}") for name in names]
    modules = [linear, piecewise, *beside]
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__:
                kind = vars(value).get("kind")
                if isinstance(kind, str):
                    yield kind, value


MAPS: Mapping[str, type] = MappingProxyType(dict(_find_maps()))
"""A map's class by its name in JSON, which is its `kind`."""


def map_to_dict(intensity_map: IntensityMap) -> dict[str, Any]:
    """A map as JSON values.

    Examples:
        >>> map_to_dict(linear.LinearMap((2.0,), (4.0,)))["kind"]
        'linear'

    Raises:
        IntensityError: the map is of no known kind.
    """
    kinds = {class_: kind for kind, class_ in MAPS.items()}
    kind = kinds.get(type(intensity_map))
    if kind is None or not is_dataclass(intensity_map):
        raise IntensityError(
            f"a {type(intensity_map).__name__} cannot be written; known: "
            f"{', '.join(MAPS)}"
        )
    values = {
        entry.name: _python_numbers(getattr(intensity_map, entry.name))
        for entry in fields(intensity_map)
        if entry.compare  # others belong to one scan
    }
    return {"kind": kind, **values}


def map_from_dict(values: Mapping[str, Any]) -> IntensityMap:
    """The map that `map_to_dict` wrote.

    Raises:
        IntensityError: the kind is unknown, or the entries are not those of the kind.
    """
    entries = dict(values)
    kind = str(entries.pop("kind", None))
    if kind not in MAPS:
        raise IntensityError(f"unknown kind of map; known: {', '.join(MAPS)}")
    class_ = MAPS[kind]
    names = {entry.name for entry in fields(class_)}
    if not entries.keys() <= names:
        raise IntensityError(f"a {kind} map has the entries {', '.join(sorted(names))}")
    intensity_map: IntensityMap = class_(
        **{name: _tuples(value) for name, value in entries.items()}
    )
    return intensity_map


def _tuples(value: object) -> object:
    """Lists of JSON as tuples, at any depth."""
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


def _python_numbers(value: object) -> object:
    """Numbers of NumPy and torch as those of Python, which JSON has."""
    if isinstance(value, tuple):
        return tuple(map(_python_numbers, value))
    # A number of NumPy or torch, of any type.
    item = getattr(value, "item", None)
    single = getattr(value, "ndim", None) == 0
    return item() if single and callable(item) else value
