"""Sections of the configuration as command-line flags: the same words in both.

A flag exists for each key of a section; a nested section is one flag that takes JSON, a
list of sections one that takes JSON for each.
"""

import argparse
import json
import shlex
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from medinorm.config.numbers import AUTO
from medinorm.config.section import Section, parse_section, section_of
from medinorm.errors import ConfigError, may_be_shown

S = TypeVar("S", bound=Section)

_LONG = 40  # characters of a default that helps nobody as JSON


def add_flags(parser: argparse.ArgumentParser, section: type[Section]) -> None:
    """Add a flag for each key of `section` to a parser."""
    group = parser.add_argument_group(_heading(section))
    for name, field in section.model_fields.items():
        group.add_argument(flag_of(name), **_argument(name, field))


def _heading(section: type[Section]) -> str:
    """What the flags of a section are about: the first line of its docstring."""
    return (section.__doc__ or "settings").partition("\n")[0].removesuffix(".")


def read_flags(arguments: argparse.Namespace, section: type[S]) -> S:
    """The section that the given flags make, with defaults for the others.

    Raises:
        ConfigError: a value is not allowed.
    """
    values = {}
    for name, field in section.model_fields.items():
        value = getattr(arguments, name)
        if value is not None:
            values[name] = _parsed(name, value, field)
    return parse_section(section, values)


def write_flags(section: Section) -> str:
    """The flags that make `section`, quoted for a shell.

    Examples:
        >>> from medinorm.config import SplitConfig
        >>> write_flags(SplitConfig(domain=("vendor", "model")))[:21]
        '--domain vendor model'
    """
    words: list[str] = []
    for name, value in section.model_dump(mode="json").items():
        words += _words(name, value, section_of(type(section).model_fields[name]))
    return shlex.join(words)


def _words(name: str, value: Any, nested: type[Section] | None) -> list[str]:
    """One key as words of a command line."""
    flag = flag_of(name)
    if value is None or value in ([], {}):
        return []
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    if nested and not isinstance(value, list):
        return [flag, json.dumps(value, sort_keys=True)]
    if isinstance(value, dict):
        return [flag, *(f"{key}={_text(item)}" for key, item in value.items())]
    if isinstance(value, list):
        return [flag, *map(_text, value)]
    return [flag, _text(value)]


def flag_of(name: str) -> str:
    """The flag of a key or an argument: underscores become hyphens."""
    return "--" + name.replace("_", "-")


def _argument(name: str, field: FieldInfo) -> dict[str, Any]:
    """How argparse is to read one key."""
    text = " ".join(filter(None, (field.description, _shown_default(name, field))))
    text = text.replace("%", "%%")
    options: dict[str, Any] = {"help": text, "default": None, "dest": name}
    if field.annotation is bool:
        return options | {"action": argparse.BooleanOptionalAction}
    origin = _origin(field)
    if origin in {tuple, dict}:
        options["nargs"] = "*"
    options["metavar"] = _metavar(field)
    return options


def _shown_default(name: str, field: FieldInfo) -> str:
    """The default of a flag as its help shows it; nothing for an empty list."""
    default = field.get_default(call_default_factory=True)
    if default is None:
        return "[none]"
    if isinstance(default, bool):
        return "[yes]" if default else "[no]"
    nested = section_of(field)
    shown = " ".join(_words(name, _json(default), nested)[1:])
    if nested and len(shown) > _LONG:
        return "[see config/README.md]"
    return f"[{shown}]" if shown else ""


def _metavar(field: FieldInfo) -> str:
    """The placeholder shown for a value: the choices, if they are closed."""
    if section_of(field):
        return "JSON"
    if _origin(field) is dict:
        return "KEY=VALUE"
    choices = dict.fromkeys(_choices(field.annotation))
    if [*choices] == [AUTO]:
        return f"{AUTO}|VALUE"
    return "{" + ",".join(choices) + "}" if choices else "VALUE"


def _choices(kind: Any) -> Iterator[str]:
    """The words that a type allows, if it is closed."""
    if get_origin(kind) is Literal:
        yield from map(str, get_args(kind))
    else:
        for argument in get_args(kind):
            yield from _choices(argument)


def _origin(field: FieldInfo) -> Any:
    """The container type of a field, looking through ``| None``."""
    kind = field.annotation
    if get_origin(kind) in {Union, UnionType}:
        kind = next(item for item in get_args(kind) if item is not type(None))
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return get_origin(kind) or kind


def _parsed(name: str, value: Any, field: FieldInfo) -> Any:
    """What argparse collected, ready for pydantic."""
    if value == [AUTO]:
        return AUTO
    section = section_of(field)
    if section and isinstance(value, list):
        return [_section_values(name, text, section) for text in value]
    if section:
        return _section_values(name, value, section)
    if _origin(field) is dict:
        return dict(item.partition("=")[::2] for item in value)
    return value


def _section_values(name: str, text: str, section: type[Section]) -> Any:
    """The values of a nested section, given as JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        got = f" (got {text!r})" if may_be_shown(text) else ""
        example = f"give keys with values, such as '{_example(section)}'"
        raise ConfigError(f"{name}: not JSON; {example}{got}") from None


def _example(section: type[Section]) -> str:
    """JSON with the first key of a section."""
    name, field = next(iter(section.model_fields.items()))
    default = None if field.is_required() else _json(field.get_default())
    return json.dumps({name: "..." if default in (None, [], {}) else default})


def _text(value: Any) -> str:
    """A value as one word."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _json(value: Any) -> Any:
    """A default as JSON values, for the help text."""
    if isinstance(value, Section):
        return value.model_dump(mode="json")
    return json.loads(json.dumps(value, default=str))
