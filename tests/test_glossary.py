"""One idea, one word: words that were given up do not come back."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "medinorm"
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
TEXTS = sorted(
    path
    for path in PACKAGE.rglob("*")
    if path.suffix in {".py", ".smk", ".j2", ".js", ".rst"} or path.name == "Snakefile"
)
# Names of columns, of a book, of the standard library and of other packages.
RECONSTRUCTION = re.compile(
    r"reconstruction[ _]kernels?|ConvolutionKernel|kernel_size|kernel smoothing",
    re.IGNORECASE,
)
# Fields that are columns of tables and keys of JSON files, which keep their names.
COLUMNS = {
    ("intensity/maps/fitted.py", "map"),
    ("intensity/methods/cluster_instance.py", "spread"),
    ("records/evidence.py", "spread"),
}


def rows(columns):
    """The rows of the table whose header names these columns."""
    header = "| " + " | ".join(columns) + " |"
    lines = GLOSSARY[GLOSSARY.index(header) :].splitlines()[2:]
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


NAMES = {words[0].strip("`") for words in rows(("not", "say instead"))}
WORDS = {
    word.strip("`"): re.findall(r"`(\w+)`", fine)
    for word, _, fine in rows(("not", "say instead", "but fine in"))
}


@cache
def names(path):
    """The names that a module gives to things, with their lines."""
    return tuple(_names(path))


def _names(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno


def uses(word, text):
    """Lines of a text in which a word stands, in any form."""
    for number, line in enumerate(text.splitlines(), start=1):
        if word in RECONSTRUCTION.sub("", line).lower():
            yield number


def test_the_glossary_is_read():
    assert {"given", "Exhibit"} <= NAMES
    assert WORDS["thumbnail"][:2] == ["layers", "intensity"]
    assert list(uses("picture", "a\nPictures of")) == [2]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_nothing_has_a_name_that_says_too_little(name):
    used = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in PACKAGE.rglob("*.py")
        for found, line in names(path)
        if found.strip("_") == name.strip("_")
        and (path.relative_to(PACKAGE).as_posix(), found) not in COLUMNS
    ]
    assert not used


@pytest.mark.parametrize("word", sorted(WORDS))
def test_no_word_that_had_two_meanings_comes_back(word):
    used = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in TEXTS
        if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in WORDS[word]
        for line in uses(word, path.read_text())
    ]
    assert not used


def test_each_class_has_a_name_of_its_own():
    owners = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                owners[node.name.strip("_")].add(path.relative_to(ROOT).as_posix())
    assert not {name: places for name, places in owners.items() if len(places) > 1}
