"""The table of stages, and the flags of each."""

import argparse
import inspect
import json
import subprocess
import sys
from importlib import import_module
from typing import get_type_hints

import pytest

from medinorm.cli.arguments import add_arguments
from medinorm.cli.signatures import REQUIRED, read_arguments, read_summary
from medinorm.cli.stages import STAGES

HEAVY = {"numpy", "torch", "monai", "lightning", "pandas", "nilearn", "scipy"}
PROBE = """
import json, sys
from medinorm.cli.main import main
try:
    main(json.loads(sys.argv[1]))
except SystemExit:
    pass
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize("name", STAGES)
def test_what_is_read_is_what_python_sees(name):
    target = STAGES[name]
    module, _, function = target.partition(":")
    function = getattr(import_module(module), function)
    parameters = inspect.signature(function).parameters
    hints = get_type_hints(function)
    assert {
        argument.name: (argument.kind, argument.default)
        for argument in read_arguments(target)
    } == {word: (hints[word], p.default) for word, p in parameters.items()}


@pytest.mark.parametrize("name", STAGES)
def test_each_argument_is_explained_once(name):
    assert read_summary(STAGES[name]).endswith(".")
    for argument in read_arguments(STAGES[name]):
        assert argument.text, f"the docstring says nothing about {argument.name}"
        assert "`" not in argument.text


@pytest.mark.parametrize("name", STAGES)
def test_flags_of_arguments_and_settings_have_names_of_their_own(name):
    arguments = read_arguments(STAGES[name])
    parser = argparse.ArgumentParser()
    add_arguments(parser, arguments)  # argparse refuses a flag that is there
    flags = [flag for action in parser._actions for flag in action.option_strings]
    assert len(flags) == len(set(flags))
    needed = {action.dest for action in parser._actions if action.required}
    assert needed <= {a.name for a in arguments if a.default is REQUIRED}


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in STAGES)])
def test_help_imports_nothing_heavy(words):
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(words)],
        capture_output=True,
        check=True,
        text=True,
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert not loaded & HEAVY
    assert ("pydantic" in loaded) == (words != ["--help"])
