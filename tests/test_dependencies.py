"""What is imported is a dependency, and each dependency is imported or has a reason."""

import ast
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# Dependencies that nothing imports by name.
REASONS = {
    "snakemake": "runs the workflow",
    "pygments": "snakemake --report asks for it",
    "tensorboard": "Lightning's TensorBoardLogger writes with it",
    "pyjpegls": "pydicom decodes JPEG-LS with it",
    "pylibjpeg": "pydicom decodes JPEG 2000 with it",
    "python-gdcm": "pydicom decodes JPEG with it",
}
# Imports that are no dependency.
OPTIONAL = {
    "triton": "comes with torch where there is a CUDA device",
    "pydantic-core": "the part of pydantic that has the types of its errors",
    "typing-extensions": "type checkers read it, Python does not",
}

# Extras of users, and the parts that import what they bring.
EXTRAS = {
    "pacs": "medinorm/ingest/pacs/",
    "seg": "medinorm/segment/",
    "compiled": "medinorm/layers/compiled/",
    "nnunet": "medinorm/train/networks/nnunet",
}

# The import name follows from none of the installed packages where these are not.
NAMES = {"pil": "pillow", "yaml": "pyyaml", "gdcm": "python-gdcm"}


def required(*extras):
    """Names of the dependencies, and of those of some extras."""
    texts = list(PROJECT["dependencies"])
    for extra in extras:
        texts += PROJECT["optional-dependencies"][extra]
    names = {canonicalize_name(Requirement(text).name) for text in texts}
    return names - {"medinorm"}


@cache
def imported(folder):
    """Distribution of each foreign package that a folder imports, and a file of it."""
    known = packages_distributions()
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for top in {name.partition(".")[0] for name in names}:
                if top in sys.stdlib_module_names or top in {"medinorm", "tests"}:
                    continue
                name = known.get(top, [NAMES.get(top.lower(), top)])[0]
                found[canonicalize_name(name)] = str(path.relative_to(ROOT))
    return found


def test_each_import_of_the_package_is_a_dependency():
    missing = (
        imported("medinorm").keys() - required("workflow", *EXTRAS) - OPTIONAL.keys()
    )
    assert not missing


def test_each_dependency_is_imported_or_has_a_reason():
    unused = required("workflow", *EXTRAS) - imported("medinorm").keys()
    assert unused == REASONS.keys()


def test_each_import_of_the_tests_is_a_dependency():
    allowed = required("workflow", "pacs", "seg", "test") | OPTIONAL.keys()
    assert not imported("tests").keys() - allowed


def test_only_some_parts_import_what_only_an_extra_brings():
    where = imported("medinorm")
    for extra, part in EXTRAS.items():
        only_extra = required(extra) - required("workflow")
        assert only_extra <= where.keys()
        assert all(where[name].startswith(part) for name in only_extra)


@pytest.mark.parametrize(
    "name", sorted(required("workflow", "pacs", "seg", "test", "dev", "peers"))
)
def test_versions_of_what_is_tested_are_pinned(name):
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {
        canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line
    }
    assert name in pinned


def test_layers_alone_need_torch_and_numpy():
    assert required() == {"numpy", "torch"}
