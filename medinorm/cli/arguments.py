"""The arguments of a stage as flags: files, what selects the work, settings."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from medinorm.cli.flags import add_flags, flag_of, read_flags
from medinorm.cli.hidden_flags import WORDS_FLAG
from medinorm.cli.signatures import REQUIRED, Argument
from medinorm.config.section import Section


def add_arguments(
    parser: argparse.ArgumentParser, arguments: Sequence[Argument]
) -> None:
    """Add a flag for each argument of a stage, and for each key of its sections."""
    paths = parser.add_argument_group("files")
    others = parser.add_argument_group("work")
    sections = []
    for argument in arguments:
        if section := _section(argument.kind):
            sections.append(section)
        else:
            options = _options(argument)
            group = paths if options["type"] is Path else others
            group.add_argument(flag_of(argument.name), **options)
    for section in sections:
        add_flags(parser, section)
    if sections:
        others.add_argument(
            WORDS_FLAG,
            metavar="FILE",
            help="read more flags from a JSON list: a command line is seen by others, "
            "a private file is not",
        )


def usage_of(arguments: Sequence[Argument]) -> str:
    """The flags that must be given, and that there are more."""
    required = [
        flag_of(argument.name)
        for argument in arguments
        if argument.default is REQUIRED and not _section(argument.kind)
    ]
    return " ".join(f"{flag} ..." for flag in required) + " [flags]"


def read_values(
    options: argparse.Namespace, arguments: Sequence[Argument]
) -> Mapping[str, Any]:
    """The values of a stage's arguments, by name.

    Raises:
        ConfigError: the value of a setting is not allowed.
    """
    return {
        argument.name: read_flags(options, section)
        if (section := _section(argument.kind))
        else getattr(options, argument.name)
        for argument in arguments
    }


def _section(kind: Any) -> type[Section] | None:
    """The section that an argument is, if it is one."""
    kind = _without_none(kind)
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _without_none(kind: Any) -> Any:
    """A type; of ``X | None``, X."""
    if get_origin(kind) in {Union, UnionType}:
        (kind,) = (member for member in get_args(kind) if member is not NoneType)
    return kind


def _options(argument: Argument) -> dict[str, Any]:
    """How argparse is to read one argument."""
    kind = _without_none(argument.kind)
    several = get_origin(kind) is Sequence
    required = argument.default is REQUIRED
    options: dict[str, Any] = {
        "dest": argument.name,
        "help": _help(argument),
        "required": required,
        "default": None if required else argument.default,
    }
    if several:
        (kind,) = get_args(kind)
        # Given twice, both count: nothing that is named is left out in silence.
        options |= {"nargs": "+" if required else "*", "action": _Extend}
    if get_origin(kind) is Literal:
        return options | {"choices": get_args(kind), "type": type(get_args(kind)[0])}
    return options | {"type": kind, "metavar": _METAVARS[kind]}


class _Extend(argparse.Action):
    """Several values; those of a flag that is given again are added."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002  (argparse's signature)
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Add `values` to those before, in place of the default."""
        before = getattr(namespace, self.dest)
        first = before is self.default
        setattr(namespace, self.dest, [*([] if first else before), *values])


_METAVARS = {Path: "PATH", str: "TEXT", int: "NUMBER", float: "NUMBER"}


def _help(argument: Argument) -> str:
    """The help of a flag, with its default if it has one."""
    value = argument.default
    shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
    default = "" if value in {REQUIRED, None, ()} else f" [{shown}]"
    return f"{argument.text}{default}".replace("%", "%%")
