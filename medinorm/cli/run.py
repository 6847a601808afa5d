"""``medinorm run``: snakemake with the workflow and the profile of this package."""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from medinorm.errors import StageError

NAME = "run"
SUMMARY = "Run a study: snakemake with the packaged workflow, in the current folder."

_WORKFLOW = Path(__file__).parents[1] / "workflow"
_PROFILE = Path("profiles", "default")
_STUDIES = (".yaml", ".yml", ".json")
_USAGE = f"""\
usage: medinorm run [STUDY.yaml] [words of snakemake]

{SUMMARY}
Paths in the study file are relative to that folder. All other words go on to snakemake,
such as --cores all (the default), --dry-run, --forcerun index or --profile FOLDER.
"""


def run_workflow(words: Sequence[str]) -> None:
    """Become a snakemake that runs the packaged workflow; this process is replaced.

    Args:
        words: the study file, if any, then words of snakemake.

    Raises:
        StageError: the study file is not there, or snakemake is not installed.
    """
    if {"-h", "--help"} & {*words}:
        sys.stdout.write(_USAGE)
        return
    if find_spec("snakemake") is None:
        raise StageError("run needs snakemake: pip install 'medinorm[workflow]'")
    command = write_command(words)
    sys.stdout.flush()
    # Signals reach snakemake itself, and its exit code is that of the call.
    os.execv(sys.executable, command)  # noqa: S606 - no shell


def write_command(words: Sequence[str]) -> list[str]:
    """The command that runs the packaged workflow.

    Args:
        words: the study file, if any, then words of snakemake.

    Raises:
        StageError: the study file is not there.

    Examples:
        >>> write_command(["-n", "-c", "2"])[-3:]
        ['-n', '-c', '2']
    """
    first, rest = words[:1], list(words[1:])
    study: list[str] = []
    if first and first[0].lower().endswith(_STUDIES):
        if not Path(first[0]).is_file():
            raise StageError("run: the study file does not exist; correct its path")
        study = ["--configfile", first[0]]
    else:
        rest = list(words)
    command = [sys.executable, "-m", "snakemake", "--snakefile"]
    command += [str(_WORKFLOW / "Snakefile"), *_profile(rest), *study]
    return [*command, *([] if _says_cores(rest) else ["--cores", "all"]), *rest]


def _profile(words: Sequence[str]) -> list[str]:
    """The profile of a clone; that of an installed package is found by snakemake."""
    in_clone = _WORKFLOW.parents[1] / _PROFILE
    chosen = any(word.startswith("--workflow-profile") for word in words)
    if chosen or (_WORKFLOW / _PROFILE).is_dir() or not in_clone.is_dir():
        return []
    return ["--workflow-profile", str(in_clone)]


def _says_cores(words: Sequence[str]) -> bool:
    """Whether the user says how many jobs may run at once."""
    flags = ("--cores", "--jobs", "--profile", "-c", "-j")
    return any(word.startswith(flags) for word in words)
