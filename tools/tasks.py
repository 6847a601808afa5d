"""What developers do, one word each: ``python tools/tasks.py test tests/cli``.

``.ci/run`` calls the same tasks, so that what passes here passes there.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# One thread a process: there are as many processes as there are cores.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

Command = Sequence[str | Path]


def test(words: Sequence[str]) -> Iterator[Command]:
    """Run all tests, or those of some files or folders; show which are slow."""
    pytest = [sys.executable, "-m", "pytest"]
    if words:
        yield [*pytest, "--durations", "5", *words]
    else:
        # A file to a process, in the order in which tests/conftest.py puts them. Those
        # that call the workflow wait for a sixth of their time: one more than cores.
        processes = str((os.cpu_count() or 1) + 1)
        spread = ["-n", processes, "--dist", "loadfile", "--no-loadscope-reorder"]
        yield [*pytest, *spread, "--durations", "25"]


def quality(_: Sequence[str]) -> Iterator[Command]:
    """Check lint, format and types, of Python and of the workflow."""
    yield ["ruff", "check", "."]
    yield ["ruff", "format", "--check", "."]
    yield ["mypy"]
    yield ["snakefmt", "--check", "Snakefile", "medinorm/workflow"]
    yield ["snakemake", "--lint"]


def study(words: Sequence[str]) -> Iterator[Command]:
    """Run a tiny study, from DICOM to report, into PATH, or into a temporary folder."""
    folder = Path(words[0] if words else tempfile.mkdtemp()).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    snakemake = ["snakemake", "--cores", "all", "--quiet", "all"]
    yield [*snakemake, "--directory", folder, "--configfile", ".ci/tiny.yaml"]
    # There is no report if nothing was to be done, which is no error of Snakemake's.
    yield ["test", "-s", folder / "results" / "report" / "report.html"]


def docs(_: Sequence[str]) -> Iterator[Command]:
    """Regenerate exports, tables, the schema and its reference."""
    yield [sys.executable, "tools/generate.py"]
    yield [sys.executable, "-m", "medinorm", "schema", "--folder", "config"]


def site(_: Sequence[str]) -> Iterator[Command]:
    """Build the documentation site into build/site; every warning is an error."""
    yield ["sphinx-build", "-q", "-W", "--keep-going", "docs", "build/site"]


TASKS: Mapping[str, Callable[[Sequence[str]], Iterator[Command]]] = {
    "test": test,
    "quality": quality,
    "study": study,
    "docs": docs,
    "site": site,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the commands of a task until one fails; its exit code."""
    parser = argparse.ArgumentParser(prog="tools/tasks.py")
    tasks = parser.add_subparsers(title="tasks", dest="task", required=True)
    for name, task in TASKS.items():
        words = tasks.add_parser(name, help=task.__doc__, description=task.__doc__)
        if name in {"test", "study"}:
            words.add_argument("words", nargs="*", metavar="PATH")
    given = parser.parse_args(arguments)
    for command in TASKS[given.task](getattr(given, "words", ())):
        words = list(map(str, command))
        sys.stderr.write(f"$ {' '.join(words)}\n")
        code = subprocess.call(words, cwd=ROOT, env=os.environ | ENVIRONMENT)
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
