"""The study of `benchmarks/report.py` is one that both stages understand."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from medinorm.columns.cases import read_cases_table
from medinorm.config import EvidenceConfig
from medinorm.evidence.stage import compare_variants
from medinorm.records.verdict import read_verdict

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "report.py"


@pytest.fixture
def benchmark(monkeypatch):
    spec = spec_from_file_location("medinorm_benchmark_report", PATH)
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SIDE", 8)
    return module


def test_the_synthetic_study_is_ranked_and_has_all_its_scores(benchmark, tmp_path):
    size = benchmark.StudySize(scans=30, variants=2, seeds=3, labels=2)
    study = benchmark.SyntheticStudy(tmp_path / "study", size)
    study.write()
    results = study.results
    compare_variants(
        sorted(results.glob("scores/**/job-*.parquet")),
        results / "splits.tsv",
        results / "runs",
        results / "evidence",
        settings=EvidenceConfig(resamples=100),
    )
    assert read_verdict(results / "evidence" / "verdict.json").ranked
    cases = read_cases_table(results / "evidence")
    assert len(cases) == size.scores == 720
    assert set(cases.scores.state.count()) >= {"scored", "empty"}
