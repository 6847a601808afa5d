"""The benchmarks run; how fast a machine is is not judged here."""

import importlib
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """Import a benchmark by name."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


def test_packages_are_judged_beside_each_other(load, tmp_path, capsys, monkeypatch):
    for package in ("torchio", "intensity_normalization", "monai"):
        pytest.importorskip(package)
    transforms = load("transforms")
    volumes = {
        "head int16": (1, 64, 64, 48, "int16"),
        "two": (2, 64, 64, 48, "float32"),
    }
    monkeypatch.setattr(transforms, "SHAPES", volumes)
    target = tmp_path / "transforms.json"
    words = ["--quick", "--rounds", "1", "--json", str(target)]
    assert transforms.main(words) in {0, 1}  # how fast a machine is is not judged here
    rows = json.loads(target.read_text(encoding="utf-8"))["rows"]
    # z-scores, percentiles, nyul; for whole numbers a window and the bound, too.
    assert len(rows) == 4 + 1 + 1 + 4
    assert [row["limit"] for row in rows if row["peer"] == transforms.BOUND] == [1.3]
    printed = capsys.readouterr().out
    assert "medinorm takes memory" in printed
    assert "10 rows with a limit" in printed


def test_a_package_that_is_wrong_or_fails_does_not_count(load, capsys):
    for package in ("torchio", "intensity_normalization", "monai"):
        pytest.importorskip(package)
    transforms = load("transforms")
    task = transforms.zscore_task(masked=False)
    ours = task.packages[transforms.OURS]

    def fail(_array):
        raise MemoryError

    packages = {transforms.OURS: ours, "wrong": lambda x: ours(x) + 1, "fails": fail}
    base = transforms.head((1, 8, 8, 8), 0, "float32")
    one = transforms.Task("z", packages, task.errors)
    assert [*transforms.prepare_packages("case", one, base)] == [transforms.OURS]
    printed = capsys.readouterr().out
    assert "wrong is wrong, 1e+03 times what is tolerated" in printed
    assert "fails raises MemoryError" in printed


def test_a_volume_on_disk_takes_little_memory(load, tmp_path, capsys):
    assert load("large_volume").main(["--quick", "--folder", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()] == [
        "thumbnail",
        "tiles",
        "exact",
    ]
    assert not list(tmp_path.iterdir())


def test_peaks_of_memory_are_shown_for_both_stages(load, tmp_path, capsys):
    words = ["--folder", str(tmp_path), "--shape", "24", "24", "24"]
    assert load("memory").main([*words, "--stages", "ingest"]) == 0
    assert "times float32" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
