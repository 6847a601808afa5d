"""Flags in a private file: readable by their owner only, and named by content."""

import shlex

import pytest

from medinorm.cli.hidden_flags import expand_words, hide_flags
from medinorm.errors import ConfigError


def test_flags_come_back_where_they_stood(tmp_path):
    flag = hide_flags("--scans 'a b' --keep", tmp_path / "flags")
    (file,) = (tmp_path / "flags").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "flags").stat().st_mode & 0o077 == 0
    words = expand_words(["plan", *shlex.split(flag), "--shard", "1"])
    assert words == ["plan", "--scans", "a b", "--keep", "--shard", "1"]


def test_other_flags_or_other_reasons_are_another_command(tmp_path):
    first = hide_flags("--a", tmp_path)
    assert hide_flags("--a", tmp_path) == first
    assert hide_flags("--b", tmp_path) != first
    assert hide_flags("--a", tmp_path, because=["changed"]) != first


@pytest.mark.parametrize("content", [None, b"{", b"\xff", b"3"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, content):
    path = tmp_path / "flags.json"
    if content:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="not a JSON list"):
        expand_words(["split", "--flags-from", str(path)])


def test_no_file_of_flags_is_left_out(tmp_path):
    files = [hide_flags(word, tmp_path) for word in ("--a", "--b")]
    first, second = (shlex.split(flag)[1] for flag in files)
    words = ["split", f"--flags-from={first}", "--flags-from", second]
    assert expand_words(words) == ["split", "--a", "--b"]
    with pytest.raises(ConfigError, match="give the file"):
        expand_words(["split", "--flags-from"])
