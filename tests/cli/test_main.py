"""The command line: one line for what a user can mend, a traceback for bugs."""

import errno
from pathlib import Path
from typing import get_args

import pytest

from medinorm.choices import AdaptName
from medinorm.cli import main as cli
from medinorm.cli.flags import flag_of
from medinorm.cli.hidden_flags import hide_flags
from medinorm.cli.signatures import read_arguments, read_summary
from medinorm.cli.stages import STAGES


def split(table):
    """The words of a call of split, all of whose files are one."""
    arguments = read_arguments(STAGES["split"])
    flags = [flag_of(argument.name) for argument in arguments if argument.kind is Path]
    return ["split", *(word for flag in flags for word in (flag, str(table)))]


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_has_help(name, capsys):
    with pytest.raises(SystemExit) as done:
        cli.main([name, "--help"])
    assert done.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"usage: medinorm {name} --" in shown
    assert read_summary(STAGES[name]) in shown


def test_a_mistake_is_one_line(tmp_path, capsys):
    assert cli.main(split(tmp_path / "none.tsv")) == 1
    assert capsys.readouterr().err == "medinorm: none.tsv: the table does not exist\n"


def test_a_bad_setting_names_its_flag(capsys):
    words = [*split("a"), "--test-folds", "0"]
    assert cli.main(words) == 1
    assert "--test-folds: Input should be" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "file").touch()
    words = ["index", "--index", str(tmp_path / "i")]
    words += ["--private", str(tmp_path / "file" / "x")]
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
    assert cli.main(["strict", "--excluded", "x"]) == 1
    assert "free space and run again" in capsys.readouterr().err
    fail(KeyError("Doe^John"))
    assert cli.main(["strict", "--excluded", "x"]) == 2
    shown = capsys.readouterr().err
    assert "KeyError at test_main.py" in shown
    assert "Doe" not in shown


def test_flags_come_from_a_private_file_too(tmp_path, capsys):
    flags = hide_flags("--test-folds 0", tmp_path / "flags")
    words = [*split(tmp_path / "doe.tsv"), *flags.split()]
    assert cli.main(words) == 1
    assert "--test-folds: Input should be" in capsys.readouterr().err
    for content in (None, "{", b"\xff"):
        path = tmp_path / "doe.json"
        if content:
            path.write_bytes(content if isinstance(content, bytes) else b"{")
        assert cli.main(["split", "--flags-from", str(path)]) == 1
        shown = capsys.readouterr().err
        assert shown == "medinorm: --flags-from: not a JSON list that can be read\n"


def refusal(words, capsys):
    """The line that a command line is refused with."""
    with pytest.raises(SystemExit) as done:
        cli.main(words)
    assert done.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_an_unknown_stage_suggests_the_closest(capsys):
    assert "did you mean train?" in refusal(["trian"], capsys)
    assert "stages: demo, fetch" in refusal(["zzz"], capsys)


def test_an_unknown_choice_lists_the_known(capsys):
    line = refusal(["predict", "--adapt", "tentt"], capsys)
    assert line.startswith("medinorm predict: argument --adapt: unknown name")
    assert all(name in line for name in get_args(AdaptName))
    for flag in ("--norm", "--intensity"):
        assert "known: " in refusal(["train", flag, "zzz"], capsys)


def test_an_unknown_flag_suggests_the_closest(capsys):
    words = [*split("a"), "--test-fold=/data/Doe", "x"]
    line = refusal(words, capsys)
    assert "unknown flag --test-fold; did you mean --test-folds?" in line
    assert "Doe" not in line


def test_a_file_without_its_flag_is_refused_and_not_shown(capsys):
    line = refusal(["audit", "/data/Doe", "--folder", "a", "--known", "b"], capsys)
    assert "files are named" in line
    assert "Doe" not in line


def test_a_flag_is_not_taken_for_another_that_begins_like_it(capsys):
    words = ["evidence", "--split", "lodo-a", "--scores", "a", "--runs", "b"]
    assert "--splits" in refusal([*words, "--evidence", "c"], capsys)


def test_a_wrong_choice_is_named_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        cli.main(["fit", "--intensity", "zscor"])
    shown = capsys.readouterr().err
    assert "--intensity: unknown name 'zscor'; did you mean zscore? known: " in shown
    with pytest.raises(SystemExit):
        cli.main(["fit", "--intensity", "/data/smith"])
    assert "smith" not in capsys.readouterr().err


def test_an_unknown_stage_points_to_the_stages(capsys):
    with pytest.raises(SystemExit):
        cli.main(["trian"])
    shown = capsys.readouterr().err
    assert "did you mean train? (stages: medinorm --help)" in shown


@pytest.mark.parametrize("word", ["-1e-05", "-1E3", "-.5e-2", "-2.e+1"])
def test_a_negative_number_with_an_exponent_is_a_value(tmp_path, word, capsys):
    words = ["harmonize", "--scans", str(tmp_path / "none.tsv"), "--background", word]
    words += ["--canonical", "c", "--harmonized", str(tmp_path / "h")]
    words += ["--status", str(tmp_path / "s.tsv"), "--intensity", "zscore"]
    words += ["--spacing", "1", "1", "1"]
    assert cli.main(words) == 1
    assert "none.tsv: the table does not exist" in capsys.readouterr().err
