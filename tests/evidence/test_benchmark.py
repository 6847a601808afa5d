"""The short version of `benchmarks/statistics.py`: what is claimed is true.

Few studies with a fixed seed; a wrong estimator misses these bounds by far.
"""

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    path = FOLDER / "statistics.py"
    spec = importlib.util.spec_from_file_location("benchmark_statistics", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "benchmark_statistics", module)
    spec.loader.exec_module(module)
    return module


def test_intervals_claims_and_winners_of_simulated_studies(benchmark):
    equal = benchmark.measure_studies(benchmark.CENTRAL, 60)
    assert equal["mean.cover"] >= 0.92
    assert equal["difference.cover"] >= 0.90
    assert equal["winner.cover"] >= 0.88
    assert abs(equal["winner.bias"]) < 0.004 < equal["winner.raw_bias"]
    assert equal["false"] <= 0.05
    assert equal["next.contains"] == 1


def test_a_difference_of_the_margin_and_further_scanners(benchmark):
    small = {"variants": 6, "subjects": (8,) * 5}
    at_margin = replace(benchmark.AT_MARGIN, **small)
    assert benchmark.measure_studies(at_margin, 40)["false"] <= 0.06
    further = replace(benchmark.MANY_SCANNERS, **small)
    assert benchmark.measure_studies(further, 40)["further.false"] <= 0.06


def test_power_at_what_is_called_detectable(benchmark):
    detectable = benchmark.measure_studies(benchmark.FIVE, 25)["detectable"]
    assert 0.7 <= benchmark.measure_power(benchmark.FIVE, detectable, 40) <= 0.9


def test_peers_do_worse(benchmark):
    peers = benchmark.measure_peers(benchmark.CENTRAL, 25, mixed=1)
    assert peers["percentile bootstrap of subjects"]["mean.cover"] < 0.9
    assert peers["Wilcoxon + Holm"]["false"] > 0.1
    assert peers["MixedLM"]["mean.width"] > 0


def test_the_tables_are_printed(benchmark, capsys):
    assert benchmark.main(["--studies", "2", "--only", "contains"]) == 0
    assert "next scanner contains the mean's interval" in capsys.readouterr().out


def test_other_benchmarks_still_find_the_module_of_the_standard_library():
    code = (
        f"import sys; sys.path.insert(0, {str(FOLDER)!r});"
        "import statistics; print(statistics.median([1, 3]))"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(FOLDER)!r}); {code}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "2.0\n"
