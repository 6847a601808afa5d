"""The command line: one subcommand a stage, its flags the arguments of its function.

Stages are imported only when they are called, and the flags of one are made only when
it is named, so that ``--help`` answers at once.
"""

import argparse
import gc
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NoReturn

from medinorm import __version__
from medinorm.cli import run
from medinorm.cli.hidden_flags import expand_words
from medinorm.cli.signatures import read_arguments, read_summary
from medinorm.cli.stages import STAGES
from medinorm.errors import ConfigError, MedinormError, refuse_name
from medinorm.files.machine import DISK_ERRORS, machine_fault
from medinorm.jobs.shards import place_of

_BUG = 2  # exit code
_NEGATIVE = re.compile(r"-(\d+\.?\d*|\.\d+)[eE][+-]?\d{1,3}")


class _Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong, and that shows no path."""

    listed = "flags"  # what `--help` lists

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and what lists the flags or stages; leave."""
        self.exit(2, f"{self.prog}: {message} ({self.listed}: {self.prog} --help)\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a value that is no choice, in the words of the configuration."""
        if action.choices is not None and value not in action.choices:
            refusal = refuse_name(value, map(str, action.choices))
            raise argparse.ArgumentError(action, refusal)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage.

    Args:
        arguments: the words after ``medinorm``; those of the process if not given.

    Returns:
        The exit code: 0, 1 after an error that a user can correct, 2 after a bug.
    """
    typed = sys.argv[1:] if arguments is None else arguments
    if list(typed[:1]) == [run.NAME]:
        return _run_workflow(typed[1:])
    try:
        words = expand_words(typed)
    except ConfigError as error:
        return _complain(_flag_of(str(error)))
    words = list(map(_without_exponent, words))
    name = next((word for word in words if not word.startswith("-")), None)
    options, unknown = _parser(name).parse_known_args(words)
    if unknown:
        _refuse(unknown, options)
    level = logging.WARNING if options.quiet else logging.INFO
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    return _run(STAGES[options.stage], options)


def _run_workflow(words: Sequence[str]) -> int:
    """Run the whole workflow; the exit code, if this process was not replaced."""
    try:
        run.run_workflow(words)
    except MedinormError as error:
        return _complain(str(error))
    return 0


def _without_exponent(word: str) -> str:
    """A negative number with an exponent in digits: argparse takes it for a flag.

    Examples:
        >>> _without_exponent("-1e-05"), _without_exponent("--label")
        ('-0.00001', '--label')
    """
    return f"{Decimal(word):f}" if _NEGATIVE.fullmatch(word) else word


def _run(target: str, options: argparse.Namespace) -> int:
    """Call the function of a stage; the exit code."""
    from medinorm.cli.arguments import read_values  # noqa: PLC0415 (needs pydantic)

    try:
        values = read_values(options, read_arguments(target))
        _function(target)(**values)
    except MedinormError as error:
        message = str(error)
        wrong_flag = isinstance(error, ConfigError)
        return _complain(_flag_of(message) if wrong_flag else message)
    except (PermissionError, NotADirectoryError, IsADirectoryError) as error:
        return _complain(
            f"a file or folder cannot be used ({place_of(error)}): check those that "
            "are named, and their permissions"
        )
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            return _complain(
                f"{os.strerror(error.errno or 0)}: free space and run again; "
                "finished work is kept"
            )
        if fault := machine_fault(error):
            return _complain(f"{fault}; run again: finished work is kept")
        return _report_bug(error)
    return 0


def _complain(message: str) -> int:
    """Say what is wrong in one line."""
    sys.stderr.write(f"medinorm: {message}\n")
    return 1


def _report_bug(error: Exception) -> int:
    """Show where a bug is; not its text, which may hold a path or a header value."""
    sys.stderr.writelines(traceback.format_tb(error.__traceback__))
    sys.stderr.write(f"medinorm: a bug, please report it: {place_of(error)}\n")
    return _BUG


def _flag_of(message: str) -> str:
    """A complaint about a key, in the words of the command line."""
    key, separator, rest = message.partition(": ")
    return f"--{key.replace('_', '-')}{separator}{rest}" if separator else message


@contextmanager
def _without_collection() -> Iterator[None]:
    """Import without looking for garbage: what is imported stays.

    Python would look through hundreds of thousands of new objects again and again: a
    quarter of the time until a training begins.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _function(target: str) -> Callable[..., Any]:
    """The function behind a stage, imported now."""
    module, _, name = target.partition(":")
    with _without_collection():
        function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def _parser(chosen: str | None) -> _Parser:
    """The parser of all stages, with the flags of the chosen one."""
    parser = _Parser(
        prog="medinorm",
        description="Which normalization still works on a scanner that the "
        "network has never seen? Each stage reads files and writes files; the "
        "Snakefile runs them in order.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--quiet", action="store_true", help="warnings and errors only")
    if chosen is not None and chosen not in STAGES:
        _refuse_stage(parser, chosen)
    commands = parser.add_subparsers(
        title="stages", metavar="STAGE", dest="stage", required=True
    )
    for name, target in STAGES.items():
        if name == chosen:
            _add_stage(commands, name, target)
        elif chosen is None:
            commands.add_parser(name, help=read_summary(target))
    if chosen is None:
        commands.add_parser(run.NAME, help=run.SUMMARY)
    return parser


def _add_stage(commands: Any, name: str, target: str) -> None:
    """Add the parser of a stage, with all its flags."""
    # Needs pydantic, which takes longer to import than all the rest.
    from medinorm.cli.arguments import add_arguments, usage_of  # noqa: PLC0415

    # Exact names: `--split` must not be taken for `--splits`.
    arguments = read_arguments(target)
    command = commands.add_parser(
        name,
        usage=f"medinorm {name} {usage_of(arguments)}",
        description=read_summary(target),
        allow_abbrev=False,
    )
    add_arguments(command, arguments)
    command.set_defaults(parser=command)


def _refuse_stage(parser: _Parser, name: str) -> NoReturn:
    """Say that there is no such stage, and which was meant."""
    close = get_close_matches(name, STAGES, n=1)
    hint = f"did you mean {close[0]}?" if close else f"stages: {', '.join(STAGES)}"
    parser.listed = "stages"
    parser.error(f"unknown stage; {hint}")


def _refuse(words: Sequence[str], options: argparse.Namespace) -> NoReturn:
    """Say which flags are unknown; other words may be paths and are not shown."""
    parser: _Parser = options.parser
    flags = [word.partition("=")[0] for word in words if word.startswith("-")]
    if not flags:
        parser.error("a word belongs to no flag; files are named, as in --scans PATH")
    close = get_close_matches(flags[0], parser._option_string_actions, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    parser.error(f"unknown flag {flags[0]}{hint}")
