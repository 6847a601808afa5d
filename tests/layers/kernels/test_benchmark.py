"""The benchmark runs where there is a GPU and says so where there is none."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

FILE = Path(__file__).resolve().parents[3] / "benchmarks" / "gpu_layers.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_gpu_layers", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_a_gpu_it_says_so(benchmark, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    target = tmp_path / "gpu.json"
    assert benchmark.main(["--json", str(target)]) == 0
    assert json.loads(target.read_text(encoding="utf-8"))["device"] is None
    assert "no CUDA device" in capsys.readouterr().out


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_kernels_are_timed_beside_torchs(benchmark, tmp_path):
    target = tmp_path / "gpu.json"
    words = ["--quick", "--repeats", "2", "--json", str(target)]
    assert benchmark.main(words) == 0
    rows = json.loads(target.read_text(encoding="utf-8"))["rows"]
    ours = [row for row in rows if row["layer"] == "medinorm"]
    assert len(ours) == 4
    assert all(row["keeps_layout"] for row in ours)
    assert all(row["error"] < 1e-4 for row in ours if row["dtype"] == "fp32")


def test_the_other_layers_compute_the_same(benchmark):
    x = torch.randn(1, 3, 4, 4, 4)
    measured, wanted = (
        benchmark.LAYERS[name](3)(x) for name in ("F.group_norm", "nn.InstanceNorm3d")
    )
    torch.testing.assert_close(measured, wanted)
