"""Imports point the same way as the data."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "medinorm"

# The ground floor: each may import those before it, and itself.
GROUND_FLOOR = (
    "errors",
    "declarations",
    "method_names",
    "choices",
    "domain_noun",
    "variant",
    "files",
    "jobs",
    "records",
    "scan",
    "config",
    "layout",
)

# The stages in the order of the data, and what people import: what each may import
# besides the ground floor and itself.
MAY_IMPORT = {
    "intensity": set(),
    "layers": set(),
    "transforms": {"intensity"},
    "demo": set(),
    "ingest": set(),
    "split": set(),
    "harmonize": {"intensity"},
    "train": {"harmonize", "intensity", "layers"},
    "predict": {"harmonize", "layers", "train"},
    "score": set(),
    "evidence": set(),
    "report": set(),
    "audit": set(),
    "cli": set(),
    "workflow": {"cli"},
    "__main__": {"cli"},
}

# The rooms of ingest, in the order of the data.
INGEST = (
    "archives",
    "deidentify",
    "bids",
    "dicom",
    "index",
    "labels",
    "plan",
    "convert",
    "collect",
)


def imports(path):
    """Parts of medinorm that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "medinorm":
            names = [f"medinorm.{alias.name}" for alias in node.names]
            names = [name for name in names if name != "medinorm.__version__"]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            if name.startswith("medinorm."):
                yield name.split(".")[1]


def part_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_imports_point_with_the_data(path):
    part = part_of(path)
    if part == "__init__":
        return
    used = set(imports(path)) - {part}
    if part in GROUND_FLOOR:
        allowed = set(GROUND_FLOOR[: GROUND_FLOOR.index(part)])
    else:
        allowed = set(GROUND_FLOOR) | MAY_IMPORT.get(part, set())
    assert used <= allowed, f"{part} must not import {sorted(used - allowed)}"


def test_modules_stay_small():
    for path in PACKAGE.rglob("*.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= 400, f"{path.relative_to(PACKAGE)} has {lines} lines"


def test_a_wrong_import_would_be_found(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("def f():\n    from medinorm.train import stage\n")
    assert list(imports(file)) == ["train"]
