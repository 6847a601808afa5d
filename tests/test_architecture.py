"""Imports point the same way as the data."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "medinorm"

CORE = {
    "choices",
    "config",
    "domain",
    "errors",
    "files",
    "flags",
    "layout",
    "progress",
    "provenance",
    "scan",
    "sections",
    "shards",
    "tables",
    "variant",
    "volume",
}

# folder or module: what it may import besides the core and itself
MAY_IMPORT = {
    "intensity": set(),
    "layers": set(),
    "transforms": {"intensity"},
    "ingest": set(),
    "audit": set(),
    "demo": set(),
    "harmonize": {"intensity"},
    "train": {"harmonize", "intensity", "layers"},
    "evaluate": {"harmonize", "layers", "train"},
    "report": set(),
    "cli": {"stages"},
    "stages": set(),
    "wiring": set(),
    "reference": set(),
}

# modules of `evaluate` that must stay light, although their folder may import training
LIGHT = {"metrics", "score", "evidence"}


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


def used_by(name):
    """Parts that a module, or a folder of modules, imports."""
    folder = PACKAGE / name
    files = folder.glob("*.py") if folder.is_dir() else [PACKAGE / f"{name}.py"]
    return {part for file in files for part in imports(file)}


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
    allowed = CORE if part in CORE else CORE | MAY_IMPORT[part]
    assert used <= allowed, f"{part} must not import {sorted(used - allowed)}"


def test_core_has_no_circle():
    edges = {name: used_by(name) & CORE - {name} for name in CORE}
    while edges:
        free = {name for name, used in edges.items() if not used}
        assert free, f"these import each other: {sorted(edges)}"
        edges = {name: used - free for name, used in edges.items() if name not in free}


@pytest.mark.parametrize("name", sorted(LIGHT))
def test_scores_and_evidence_import_no_training(name):
    assert set(imports(PACKAGE / "evaluate" / f"{name}.py")) <= CORE | {"evaluate"}


def test_modules_stay_small():
    for path in PACKAGE.rglob("*.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= 400, f"{path.relative_to(PACKAGE)} has {lines} lines"


def test_a_wrong_import_would_be_found(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("def f():\n    from medinorm.train import stage\n")
    assert list(imports(file)) == ["train"]
