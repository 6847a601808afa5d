"""A function that is a subcommand says so where it is written."""

from collections.abc import Callable
from typing import Any, TypeVar

_Stage = TypeVar("_Stage", bound=Callable[..., Any])


def stage(name: str, *, after: str = "") -> Callable[[_Stage], _Stage]:
    """Declare the function below as a stage: ``medinorm NAME``.

    Its arguments are the flags, its docstring is the help. Nothing is done to it; the
    table of stages in `medinorm/cli/stages.py` is generated from the text of the files,
    so that the command line answers without importing them.

    Args:
        name: the subcommand.
        after: the stage behind which `--help` lists it; empty for the first.

    Examples:
        >>> @stage("census", after="split")
        ... def count_scans() -> None: ...
    """
    del name, after  # read from the text of the file
    return lambda function: function
