"""Sections: checked, frozen groups of settings, and clear words for what is wrong."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from medinorm.config.numbers import CHOSEN, SEVERAL
from medinorm.errors import ConfigError, may_be_shown, refuse_name

# What to write instead, for pydantic's complaints that speak of Python.
_REMEDIES = {
    "string_type": "give text in quotes",
    "int_parsing": "give a whole number",
    "int_type": "give a whole number",
    "int_from_float": "give a whole number",
    "float_parsing": "give a number",
    "float_type": "give a number",
    "bool_parsing": "give true or false",
    "bool_type": "give true or false",
    "dict_type": "give keys with values, such as {key: value}",
    "model_type": "give keys with values, such as {key: value}",
    "path_type": "give the path of a file or folder, in quotes",
    "missing": "a value is missing",
}


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


S = TypeVar("S", bound=Section)


def parse_section(section: type[S], values: Mapping[str, Any]) -> S:
    """Check the values of one section and fill in the defaults.

    Raises:
        ConfigError: the first thing wrong, with its key and what is allowed.
    """
    try:
        return section.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_first_problem(section, values, error)) from None


def _first_problem(
    section: type[Section], values: Mapping[str, Any], error: ValidationError
) -> str:
    """One line for the first of pydantic's complaints, and how many follow."""
    problem = error.errors(include_url=False)[0]
    place = _place(problem["loc"], values)
    message = _message(section, problem)
    more = f" [and {n} more]" if (n := error.error_count() - 1) else ""
    return f"{place}: {message}{more}" if place else f"{message}{more}"


def _place(location: tuple[int | str, ...], values: Any) -> str:
    """Where a value stands: keys with dots, and the place in a list from 1."""
    place = ""
    for step in location:
        if isinstance(values, list | tuple) and isinstance(step, int):
            place += f", entry {step + 1}"
            values = values[step] if step < len(values) else None
        elif step not in {"[key]", CHOSEN, SEVERAL}:
            place += f".{step}" if place else str(step)
            values = values.get(step) if isinstance(values, Mapping) else None
    return place


def _message(section: type[Section], problem: ErrorDetails) -> str:
    """What is wrong with one value and what to write instead, in plain words."""
    kind, value = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        return _unknown_key(section, problem["loc"])
    if kind == "literal_error":
        return refuse_name(value, re.findall("'([^']*)'", problem["ctx"]["expected"]))
    if kind == "missing":
        return _REMEDIES[kind]
    message = _REMEDIES.get(kind, problem["msg"].removeprefix("Value error, "))
    if kind == "tuple_type":
        message = f"give a list, such as [{_example_entry(value)}]"
    return f"{message} (got {value!r})" if may_be_shown(value) else message


def _example_entry(value: Any) -> str:
    """The value that should have been in a list, or words for it."""
    return str(value) if may_be_shown(value) and value is not None else "a, b"


def _unknown_key(section: type[Section], location: tuple[int | str, ...]) -> str:
    """What to write instead of an unknown key."""
    for step in location[:-1]:
        if step in section.model_fields:  # no place in a list
            section = section_of(section.model_fields[str(step)]) or section
    known = list(section.model_fields)
    close = get_close_matches(str(location[-1]), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known keys: {', '.join(known)}"
    return f"unknown key; {hint}"


def section_of(field: FieldInfo) -> type[Section] | None:
    """The section a field holds, if it holds one; looks through ``| None``."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None
