"""Sections: checked, frozen groups of settings, and clear words for what is wrong."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from medinorm.errors import ConfigError


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
        raise ConfigError(_first_problem(section, error)) from None


def _first_problem(section: type[Section], error: ValidationError) -> str:
    """One line for the first of pydantic's complaints, and how many follow."""
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(step) for step in problem["loc"] if step != "[key]")
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = _unknown_key(section, problem["loc"])
    elif _may_be_shown(problem["input"]):
        message = f"{message} (got {problem['input']!r})"
    more = f" [and {n} more]" if (n := error.error_count() - 1) else ""
    return f"{key}: {message}{more}" if key else f"{message}{more}"


def _may_be_shown(value: Any) -> bool:
    """Whether a value is short and no path, which may be named after a patient."""
    if isinstance(value, str):
        return not set("/\\") & set(value)
    return isinstance(value, int | float | bool | None)


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
