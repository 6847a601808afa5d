"""The benchmark runs where there is a GPU and says so where there is none."""

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks"


def load(name):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def benchmark():
    return load("gpu_layers.py")


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


def test_trainings_of_the_card_run_on_a_cpu_too(tmp_path, capsys):
    target = tmp_path / "training.json"
    words = ["--quick", "--steps", "1", "--norms", "instance", "--json", str(target)]
    assert load("card_training.py").main(words) == 0
    rows = json.loads(target.read_text(encoding="utf-8"))["rows"]
    assert [row["precision"] for row in rows] == ["fp32", "bf16"]
    assert all(row["steps_per_second"] > 0 for row in rows)
    assert "steps_per_second" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "parts"), [(["--dry"], 3), ([], 4)])
def test_the_script_for_a_card_goes_through_its_parts(tmp_path, words, parts):
    """A part that fails stops no other, and the script says so in the end."""
    called, out = tmp_path / "called", tmp_path / "out"
    stand_in = tmp_path / "python"
    stand_in.write_text(f'#!/bin/sh\necho "$@" >> {called}\n[ "$1" != -m ]\n')
    stand_in.chmod(0o755)
    ended = subprocess.run(
        ["bash", FOLDER / "on_device.sh", *words],
        env=os.environ | {"OUT": str(out), "PYTHON": str(stand_in)},
        capture_output=True,
        text=True,
        check=False,
    )
    commands = called.read_text().splitlines()
    assert len(commands) == len(list(out.glob("*.log"))) == parts
    assert sum("--quick" in line for line in commands) == (2 if words else 0)
    assert ended.returncode == (0 if words else 1)  # pytest fails here
    assert ("kernels.log" in ended.stdout) == (not words)
