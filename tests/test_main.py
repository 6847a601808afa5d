"""``python -m medinorm`` is the command."""

import subprocess
import sys

from medinorm import __version__


def test_the_package_runs_as_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "medinorm", "--version"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == __version__


def test_its_exit_code_is_that_of_the_command(tmp_path):
    words = ["strict", "--excluded", str(tmp_path / "none.tsv")]
    done = subprocess.run(
        [sys.executable, "-m", "medinorm", *words],
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "medinorm: none.tsv: the table does not exist\n"
