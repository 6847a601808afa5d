"""The benchmarks run; what they measure is not judged here."""

import importlib.util
import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


def _load(name):
    spec = importlib.util.spec_from_file_location(
        f"benchmark_{name}", FOLDER / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_layers_are_timed_beside_torchs(tmp_path, capsys):
    target = tmp_path / "layers.json"
    words = ["--quick", "--repeats", "1", "--threads", "1", "--json", str(target)]
    assert _load("layers").main(words) == 0
    report = json.loads(target.read_text(encoding="utf-8"))
    ours = [row for row in report["layers"] if row["layer"].startswith("medinorm")]
    assert all(row["error"] < 1e-4 and row["keeps_layout"] for row in ours)
    assert {row["norm"] for row in report["steps"]} >= {"instance", "cluster_instance"}
    assert "medinorm InstanceNorm3d" in capsys.readouterr().out


def test_tiled_inference_is_compared_on_real_scans(real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDINORM_REAL_DATA", str(real_data))
    target = tmp_path / "thumbnail.json"
    words = ["--steps", "30", "--scans", "2", "--thin", "4", "--threads", "1"]
    assert _load("thumbnail").main([*words, "--json", str(target)]) == 0
    for case in json.loads(target.read_text("utf-8")).values():
        rows = {row["statistics"]: row["difference"] for row in case}
        assert rows["exact"] < 1e-5 < rows["each tile"]
        assert 3 * rows["tiles"] < rows["each tile"]


def test_without_real_scans_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEDINORM_REAL_DATA", str(tmp_path))
    assert _load("thumbnail").main([]) == 1
    assert "MEDINORM_REAL_DATA" in capsys.readouterr().err
