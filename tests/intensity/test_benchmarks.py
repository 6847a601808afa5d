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


def test_packages_are_timed_beside_each_other(load, tmp_path, capsys):
    for package in ("torchio", "intensity_normalization", "monai"):
        pytest.importorskip(package)
    target = tmp_path / "transforms.json"
    words = ["--quick", "--repeats", "1", "--json", str(target)]
    assert load("transforms").main(words) == 0
    rows = json.loads(target.read_text(encoding="utf-8"))["rows"]
    ours = [row for row in rows if row["package"] == "medinorm"]
    assert len(ours) == 8
    assert not any(row["changes_input"] for row in ours)
    assert "intensity-normalization" in capsys.readouterr().out


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
