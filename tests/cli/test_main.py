"""The command line: one line for what a user can mend, a traceback for bugs."""

import errno
import inspect
from importlib import import_module

import pytest

from medinorm.cli import main as cli
from medinorm.cli.flags import hide_flags
from medinorm.cli.stages import STAGES


@pytest.mark.parametrize("name", STAGES)
def test_flags_are_the_arguments_of_the_stage(name):
    stage = STAGES[name]
    module, _, function = stage.target.partition(":")
    signature = inspect.signature(getattr(import_module(module), function))
    given = [*stage.files, *stage.options, *(word for word, _ in stage.sections)]
    assert set(signature.parameters) == set(given)


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_has_help(name, capsys):
    with pytest.raises(SystemExit) as done:
        cli.main([name, "--help"])
    assert done.value.code == 0
    assert STAGES[name].summary.split()[0] in capsys.readouterr().out


def test_a_mistake_is_one_line(tmp_path, capsys):
    table = str(tmp_path / "none.tsv")
    assert cli.main(["split", table, table, table, table]) == 1
    assert capsys.readouterr().err == "medinorm: none.tsv: the table does not exist\n"


def test_a_bad_setting_names_its_flag(capsys):
    words = ["split", "a", "b", "c", "d", "--test-folds", "0"]
    assert cli.main(words) == 1
    assert "--test-folds: Input should be" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "file").touch()
    words = ["index", str(tmp_path / "i"), "--private", str(tmp_path / "file" / "x")]
    assert cli.main(words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be used (NotADirectoryError at " in line
    assert str(tmp_path) not in line


def test_a_full_disk_is_one_line_and_a_bug_is_not(monkeypatch, capsys):
    def fail(error):
        def stage(**_):
            raise error

        monkeypatch.setattr(cli, "_function", lambda _: stage)

    fail(OSError(errno.ENOSPC, "No space left on device"))
    assert cli.main(["strict", "x"]) == 1
    assert "free space and run again" in capsys.readouterr().err
    fail(KeyError("Doe^John"))
    assert cli.main(["strict", "x"]) == 2
    shown = capsys.readouterr().err
    assert "KeyError at test_main.py" in shown
    assert "Doe" not in shown


def test_flags_come_from_a_private_file_too(tmp_path, capsys):
    table = str(tmp_path / "doe.tsv")
    flags = hide_flags("--test-folds 0", tmp_path / "flags")
    words = ["split", table, table, table, table, *flags.split()]
    assert cli.main(words) == 1
    assert "--test-folds: Input should be" in capsys.readouterr().err
    for content in (None, "{", b"\xff"):
        path = tmp_path / "doe.json"
        if content:
            path.write_bytes(content if isinstance(content, bytes) else b"{")
        assert cli.main(["split", "--flags-from", str(path)]) == 1
        shown = capsys.readouterr().err
        assert shown == "medinorm: --flags-from: not a JSON list that can be read\n"


def test_unknown_stage_lists_the_known(capsys):
    with pytest.raises(SystemExit):
        cli.main(["trian"])
    assert "train" in capsys.readouterr().err
