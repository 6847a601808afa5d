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
    "columns",
    "config",
    "layout",
    "damage",
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
    "training_plan": set(),
    "init": {"split", "training_plan"},
    "harmonize": {"intensity", "training_plan"},
    "train": {"harmonize", "intensity", "layers", "training_plan", "transforms"},
    "learning_rates": {"train", "training_plan"},
    "predict": {"harmonize", "layers", "train"},
    "score": set(),
    "expected": {"intensity", "score"},
    "bundle": {"expected", "intensity", "layers", "predict", "train"},
    "segment": {"bundle", "expected", "harmonize", "ingest", "predict", "report"},
    "evidence": set(),
    "environment": set(),
    "report": {"expected", "training_plan"},
    "audit": set(),
    "cli": set(),
    "__main__": {"cli"},
    "workflow": {"cli", "environment"},
}

# The rooms of ingest, in the order of the data.
INGEST = (
    "archives",
    "dicom",
    "deidentify",
    "bids",
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


def modules():
    """Each module of the package by its dotted name."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        yield name.removesuffix(".__init__"), path


def imported_at_start(path, known):
    """Modules of ours that are loaded with a module, not inside of functions."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module in known:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else node.module for name in inner)


def test_no_imports_go_in_a_circle():
    paths = dict(modules())
    edges = {
        name: set(imported_at_start(path, paths)) - {name}
        for name, path in paths.items()
    }
    while edges:
        free = {name for name, used in edges.items() if not used & edges.keys()}
        assert free, f"among these: {sorted(edges)}"
        edges = {name: used for name, used in edges.items() if name not in free}


def test_the_rooms_of_ingest_stand_in_the_order_of_the_data():
    paths = dict(modules())
    for name, path in paths.items():
        _, part, *rest = [*name.split("."), ""]
        if part != "ingest" or rest[0] not in INGEST:
            continue
        later = INGEST[INGEST.index(rest[0]) + 1 :]
        for used in imported_at_start(path, paths):
            assert used.split(".")[1:2] != ["ingest"] or used.split(".")[2] not in later


def test_folders_stay_small():
    # One method a file; the top is the table of contents of the whole.
    longer = {PACKAGE, PACKAGE / "layers" / "norms", PACKAGE / "transforms"}
    for folder in PACKAGE.rglob("*"):
        if folder.name == "__pycache__" or not folder.is_dir():
            continue
        entries = [path for path in folder.iterdir() if path.name != "__pycache__"]
        assert folder in longer or len(entries) <= 15, folder.relative_to(PACKAGE)


# What has no test of its name in its place: where it is tested instead.
TESTED_ELSEWHERE = {
    "__main__.py": "cli/test_main.py",
    "layers/kernels/fused.py": "layers/kernels/on_device/test_fused.py",
    "layers/kernels/launch.py": "layers/kernels/on_device/test_launch.py",
}


def test_each_module_has_a_test_of_its_name():
    missing = []
    for path in PACKAGE.rglob("*.py"):
        inside = path.relative_to(PACKAGE)
        own = (inside.parent / f"test_{path.name}").as_posix()
        test = TESTED_ELSEWHERE.get(inside.as_posix(), own)
        if path.name != "__init__.py" and not (Path(__file__).parent / test).exists():
            missing.append(str(inside))
    assert not missing, f"{len(missing)} modules"


def test_modules_stay_small():
    for path in PACKAGE.rglob("*.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= 400, f"{path.relative_to(PACKAGE)} has {lines} lines"


def test_a_wrong_import_would_be_found(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("def f():\n    from medinorm.train import stage\n")
    assert list(imports(file)) == ["train"]
