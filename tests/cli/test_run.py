"""`medinorm run` is snakemake with the packaged workflow, from any folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from medinorm.cli import main as cli
from medinorm.cli import run
from medinorm.errors import StageError

SNAKEFILE = Path(run.__file__).parents[1] / "workflow" / "Snakefile"


def words_of(command, flag):
    return command[command.index(flag) + 1]


def test_the_study_and_all_other_words_go_on(tmp_path):
    study = tmp_path / "my.yaml"
    study.touch()
    words = ["--cores", "2", "--forcerun", "index"]
    command = run.write_command([str(study), *words])
    assert command[:3] == [sys.executable, "-m", "snakemake"]
    assert Path(words_of(command, "--snakefile")) == SNAKEFILE
    assert words_of(command, "--configfile") == str(study)
    assert command[-4:] == words


@pytest.mark.parametrize("words", [["-c1"], ["-j", "4"], ["--profile", "slurm"]])
def test_the_cores_are_those_of_the_user(words):
    assert "all" not in run.write_command(words)
    assert run.write_command([])[-2:] == ["--cores", "all"]


def test_a_profile_is_the_packaged_one_unless_named():
    profile = Path(words_of(run.write_command([]), "--workflow-profile"))
    assert (profile / "config.yaml").is_file()
    named = run.write_command(["--workflow-profile", "mine"])
    assert named.count("--workflow-profile") == 1


def test_what_cannot_be_run_is_said_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "none.yaml"]) == 1
    assert capsys.readouterr().err == (
        "medinorm: run: the study file does not exist; correct its path\n"
    )
    monkeypatch.setattr(run, "find_spec", lambda _: None)
    with pytest.raises(StageError, match=r"pip install 'medinorm\[workflow\]'"):
        run.run_workflow([])


def test_it_is_listed_and_has_help(capsys):
    assert cli.main(["run", "--help"]) == 0
    assert "usage: medinorm run" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert run.SUMMARY in " ".join(capsys.readouterr().out.split())


def test_a_dry_run_from_any_folder(tmp_path):
    (tmp_path / "my.yaml").write_text("title: Mine\nresults: mine\n")
    words = [sys.executable, "-m", "medinorm", "run", "my.yaml", "-n"]
    done = subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "demo" in done.stdout + done.stderr
