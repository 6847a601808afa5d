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
    found = iter_modules(methods.__path__, f"{methods.__name__}.")
    modules = [linear, piecewise, *(import_module(one.name) for one in found)]
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__:
                kind = vars(value).get("kind")
                if isinstance(kind, str):
                    yield kind, value


MAPS: Mapping[str, type] = MappingProxyType(dict(_find_maps()))
"""A map's class by its name in JSON, which is its `kind`."""


def map_to_dict(map_: IntensityMap) -> dict[str, Any]:
    """A map as JSON values.

    Examples:
        >>> map_to_dict(linear.LinearMap((2.0,), (4.0,)))["kind"]
        'linear'

    Raises:
        IntensityError: the map is of no known kind.
    """
    kinds = {class_: kind for kind, class_ in MAPS.items()}
    kind = kinds.get(type(map_))
    if kind is None or not is_dataclass(map_):
        raise IntensityError(
            f"a {type(map_).__name__} cannot be written; known: {', '.join(MAPS)}"
        )
    values = {
        entry.name: _python_numbers(getattr(map_, entry.name))
        for entry in fields(map_)
        if entry.compare  # others belong to one scan
    }
    return {"kind": kind, **values}


def map_from_dict(values: Mapping[str, Any]) -> IntensityMap:
    """The map that `map_to_dict` wrote.

    Raises:
        IntensityError: the kind is unknown, or the entries are not those of the kind.
    """
    given = dict(values)
    kind = str(given.pop("kind", None))
    if kind not in MAPS:
        raise IntensityError(f"unknown kind of map; known: {', '.join(MAPS)}")
    class_ = MAPS[kind]
    names = {entry.name for entry in fields(class_)}
    if not given.keys() <= names:
        raise IntensityError(f"a {kind} map has the entries {', '.join(sorted(names))}")
    map_: IntensityMap = class_(
        **{name: _tuples(value) for name, value in given.items()}
    )
    return map_


def _tuples(value: object) -> object:
    """Lists of JSON as tuples, at any depth."""
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


def _python_numbers(value: object) -> object:
    """Numbers of NumPy and torch as those of Python, which JSON has."""
    if isinstance(value, tuple):
        return tuple(map(_python_numbers, value))
    # A number of either, whatever its type is called.
    item = getattr(value, "item", None)
    single = getattr(value, "ndim", None) == 0
    return item() if single and callable(item) else value
