"""The recipes of CONTRIBUTING, performed on a copy of the package and its tests.

What a recipe adds must be there by its name, and the tests of what is around it must
pass, with nothing edited but what the recipe says.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEADING = re.compile(r"^### Add (.*)$", re.MULTILINE)
OWN_TEST = re.compile(r"`(tests/\S+/test_\w+\.py)`")
BLOCK = re.compile(r"^```python\n# ([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(
    r"new file: (?P<new>\S+)"
    r"|at the end of (?P<end>\S+)"
    r"|(?P<side>behind|before) [\"'](?P<anchor>.*)[\"'] in (?P<file>\S+)"
)


@dataclass(frozen=True)
class Check:
    """What must be true after a recipe.

    Args:
        places: how many places it may name, besides tests.
        code: ends without an error where the recipe was performed.
        help: words of a command whose help shows what was added.
        shown: how the help shows it.
        tests: arguments of pytest: what must still pass.
    """

    places: int
    code: str
    help: Sequence[str]
    shown: str
    tests: Sequence[str]


CHECKS = {
    "a norm": Check(
        places=1,
        code="""
import torch
from medinorm.config import parse_study
from medinorm.layers.registry import NORMS
study = parse_study({"experiments": {"norm": ["centred"]}})
assert study.experiments.norm == ("centred",)
assert NORMS["centred"](2)(torch.ones(1, 2, 4, 4, 4)).abs().max() == 0
""",
        help=["train", "--help"],
        shown="centred",
        tests=["tests/layers/norms/test_centred.py", "tests/test_method_names.py"],
    ),
    "an intensity method": Check(
        places=2,
        code="""
from types import SimpleNamespace
import numpy as np
from medinorm.config import parse_study
from medinorm.intensity.method import fit_scan
options = {"median": {"target": 2.0}}
study = parse_study({
    "experiments": {"intensity": ["median"]},
    "harmonize": {"intensity_options": options},
})
assert study.harmonize.intensity_options.of("median") == options["median"]
scan = SimpleNamespace(array=np.full((1, 3, 3, 3), 5, np.float32), masks=[None])
assert (fit_scan("median", scan, options["median"]).apply(scan.array) == 2).all()
""",
        help=["harmonize", "--help"],
        shown="median",
        tests=["tests/config/test_harmonize.py", "tests/transforms/test_exports.py"],
    ),
    "a metric": Check(
        places=1,
        code="""
from types import SimpleNamespace
from medinorm.files.records import column_names
from medinorm.records.scores import ScoreRow
from medinorm.score.declare import load_metrics
assert "volume_error" in column_names(ScoreRow)
label = SimpleNamespace(voxels_label=4, voxels_prediction=5)
assert load_metrics()["volume_error"](label) == 1 / 9
""",
        help=["score", "--help"],
        shown="score",
        tests=[
            *("tests/score/test_compare.py", "tests/records"),
            *("-k", "swapping or neither or primary or columns"),
        ],
    ),
    "a report section": Check(
        places=1,
        code="""
from medinorm.report.section import find_sections
assert "scan-numbers" in [section.anchor for section in find_sections()]
""",
        help=["report", "--help"],
        shown="report",
        tests=["tests/report/test_section.py"],
    ),
    "a stage": Check(
        places=2,  # the function, its rule
        code="""
from pathlib import Path
from medinorm.cli.main import main
from medinorm.files.tables import read_table
Path("scans.tsv").write_text("scan\\tscanner\\na\\tx\\nb\\tx\\nc\\ty\\n")
words = ["census", "--scans", "scans.tsv", "--census", "census.tsv", "--least", "2"]
assert main(words) == 0
assert read_table(Path("census.tsv")) == [{"scanner": "x", "scans": "2"}]
assert main([*words, "--column", "site"]) == 1
""",
        help=["census", "--help"],
        shown="--least NUMBER scanners with fewer scans are left out [1]",
        tests=["tests/test_architecture.py", "-k", "point or name"],
    ),
}


def recipes():
    """The text of each recipe by its name."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.partition("\n## Recipes\n")[2].partition("\n## ")[0]
    _, *parts = HEADING.split(section)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def place_of(where):
    """What the first line of a block means, and the file that it names."""
    place = PLACE.fullmatch(where)
    assert place, f"what is meant by {where!r}?"
    return place, place["new"] or place["end"] or place["file"]


def places(recipe):
    """The files that a recipe touches."""
    return [place_of(where)[1] for where, _ in BLOCK.findall(recipe)]


def perform(recipe, root):
    """Put the blocks of a recipe where they belong; its tests are still empty."""
    for where, text in BLOCK.findall(recipe):
        place, file = place_of(where)
        path = root / file
        if place["new"]:
            assert not path.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif place["end"]:
            path.write_text(path.read_text() + text)
        else:
            path.write_text(insert(path.read_text(), text, place))
    for file in OWN_TEST.findall(recipe):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()


def insert(old, text, place):
    """A file with a block behind or before the one line that holds an anchor."""
    lines = old.splitlines(keepends=True)
    (number,) = [n for n, line in enumerate(lines) if place["anchor"] in line]
    number += place["side"] == "behind"
    return "".join([*lines[:number], text, *lines[number:]])


@pytest.fixture
def performed(request, tmp_path):
    """A copy of the package and its tests with what a recipe adds."""
    copy_to(tmp_path)
    perform(recipes()[request.param], tmp_path)
    run(tmp_path, "tools/generate.py")  # as each recipe ends
    return tmp_path


def copy_to(folder):
    """Copy what recipes change and what their tests read."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("config", "medinorm", "tests", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)


def run(folder, *words):
    """Call Python where the copy is the package."""
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"},
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())


def test_there_are_five_recipes_and_each_is_checked():
    assert list(recipes()) == list(CHECKS)


@pytest.mark.parametrize("name", CHECKS)
def test_a_recipe_costs_what_it_may(name):
    touched = [file for file in places(recipes()[name]) if file.startswith("medinorm")]
    assert 0 < len(touched) <= CHECKS[name].places


@pytest.mark.parametrize("performed", CHECKS, indirect=True)
def test_what_a_recipe_adds_is_there_by_name(performed, request):
    check = CHECKS[request.node.callspec.params["performed"]]
    run(performed, "-c", check.code)
    assert check.shown in run(performed, "-m", "medinorm", *check.help)


@pytest.mark.parametrize("performed", CHECKS, indirect=True)
def test_the_tests_around_a_recipe_still_pass(performed, request):
    check = CHECKS[request.node.callspec.params["performed"]]
    run(performed, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *check.tests)


@pytest.mark.parametrize("performed", ["a stage"], indirect=True)
def test_a_stage_is_a_rule_of_the_workflow(performed):
    snakefile = performed / "medinorm" / "workflow" / "Snakefile"
    words = ["--snakefile", str(snakefile), "--configfile", "study.yaml"]
    (performed / "study.yaml").write_text("title: Tiny\n")
    assert "census" in run(performed, "-m", "snakemake", *words, "--list-rules")


def test_the_code_of_recipes_passes_lint(tmp_path):
    copy_to(tmp_path)
    touched = set()
    for recipe in recipes().values():
        perform(recipe, tmp_path)
        touched |= set(places(recipe))
    python = sorted(file for file in touched if file.endswith(".py"))
    rules = sorted(touched - set(python))
    for command in (["check"], ["format", "--check"]):
        run(tmp_path, "-m", "ruff", *command, "--no-cache", *python)
    run(tmp_path, "-m", "snakefmt", "--check", *rules)
