"""Arguments as flags, and back."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import pytest

from medinorm.choices import DesignName
from medinorm.cli.arguments import add_arguments, read_values, usage_of
from medinorm.cli.signatures import REQUIRED, Argument
from medinorm.config import SplitConfig
from medinorm.errors import ConfigError

Colour = Literal["red", "green"]
ARGUMENTS = (
    Argument("scans", Path, REQUIRED, "a table"),
    Argument("score_tables", Sequence[Path], REQUIRED, "tables"),
    Argument("colours", Sequence[Colour], ("red",), "100% of them"),
    Argument("level", Literal[1, 2], 1, "a level"),
    Argument("split", str | None, None, "a split"),
    Argument("settings", SplitConfig | None, None, ""),
)
NEEDED = ["--scans", "s.tsv", "--score-tables", "a", "b"]


def read(*words):
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser, ARGUMENTS)
    return read_values(parser.parse_args([*NEEDED, *words]), ARGUMENTS)


def test_defaults_are_those_of_the_signature():
    assert read() == {
        "scans": Path("s.tsv"),
        "score_tables": [Path("a"), Path("b")],
        "colours": ("red",),
        "level": 1,
        "split": None,
        "settings": SplitConfig(),
    }


def test_flags_give_typed_values():
    values = read("--colours", "green", "red", "--level", "2", "--test-folds", "2")
    assert values["colours"] == ["green", "red"]
    assert values["level"] == 2
    assert values["settings"].test_folds == 2
    assert read("--colours")["colours"] == []


def test_a_list_that_is_given_twice_counts_twice():
    values = read("--score-tables", "c", "--colours", "green", "--colours", "red")
    assert values["score_tables"] == [Path(name) for name in "abc"]
    assert values["colours"] == ["green", "red"]


@pytest.mark.parametrize("words", [["--colours", "blue"], ["--level", "3"]])
def test_another_word_than_the_choices_is_refused_with_them(words):
    with pytest.raises(argparse.ArgumentError, match=r"choose from .*(green|2)"):
        read(*words)


def test_a_wrong_setting_is_refused():
    with pytest.raises(ConfigError, match="test_folds"):
        read("--test-folds", "0")


def test_help_shows_choices_and_defaults():
    parser = argparse.ArgumentParser()
    add_arguments(parser, ARGUMENTS)
    text = " ".join(parser.format_help().split())
    assert "--colours [{red,green} ...] 100% of them [red]" in text
    designs = ",".join(get_args(DesignName))
    assert f"--designs [{{{designs}}} ...]" in text
    assert usage_of(ARGUMENTS) == "--scans ... --score-tables ... [flags]"
