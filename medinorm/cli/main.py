"""The command line: one subcommand a stage, its flags the keys of its sections.

Stages are imported only when they are called, so that ``--help`` answers at once.
"""

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from medinorm import __version__
from medinorm.cli.flags import WORDS_FLAG, add_flags, expand_words, read_flags
from medinorm.cli.stages import STAGES, Stage
from medinorm.errors import ConfigError, MedinormError
from medinorm.jobs.shards import DISK_ERRORS, place_of

_BUG = 2  # exit code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage.

    Args:
        arguments: the words after ``medinorm``; those of the process if not given.

    Returns:
        The exit code: 0, 1 after an error that a user can mend, 2 after a bug.
    """
    try:
        words = expand_words(sys.argv[1:] if arguments is None else arguments)
    except ConfigError as error:
        return _complain(_flag_of(str(error)))
    given = _parser().parse_args(words)
    level = logging.WARNING if given.quiet else logging.INFO
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    stage: Stage = given.stage
    try:
        settings = {name: read_flags(given, kind) for name, kind in stage.sections}
        words = [*stage.files, *stage.options]
        _function(stage)(**{word: getattr(given, word) for word in words}, **settings)
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


def _function(stage: Stage) -> Any:
    """The function behind a stage, imported now."""
    module, _, name = stage.target.partition(":")
    return getattr(import_module(module), name)


def _parser() -> argparse.ArgumentParser:
    """The parser of all stages."""
    parser = argparse.ArgumentParser(
        prog="medinorm",
        description="Which normalization lets a segmentation model survive a scanner "
        "it has never seen? Each stage reads files and writes files; the Snakefile "
        "runs them in order.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--quiet", action="store_true", help="warnings and errors only")
    commands = parser.add_subparsers(title="stages", metavar="STAGE", required=True)
    for name, stage in STAGES.items():
        command = commands.add_parser(
            name, help=stage.summary, description=stage.summary
        )
        _add_arguments(command, stage)
        command.set_defaults(stage=stage)
    return parser


def _add_arguments(command: argparse.ArgumentParser, stage: Stage) -> None:
    """Files first, then what selects the work, then the settings."""
    for word, text in stage.files.items():
        several = text.startswith("tables")
        command.add_argument(word, type=Path, help=text, nargs="+" if several else None)
    for word, option in stage.options.items():
        flag = "--" + word.replace("_", "-")
        command.add_argument(flag, dest=word, **option)
    for _, section in stage.sections:
        add_flags(command, section)
    if stage.sections:
        command.add_argument(
            WORDS_FLAG,
            metavar="FILE",
            help="read more flags from a JSON list: a command line is seen by others, "
            "a private file is not",
        )
