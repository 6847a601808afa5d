"""Metrics are declared once: a new file is a new metric in all tables."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import medinorm
from medinorm.errors import StageError
from medinorm.files.records import columns, require_distinct_columns
from medinorm.records.evidence import DomainRow, SummaryRow
from medinorm.records.metrics import METRICS, OTHER_METRICS, PRIMARY_METRIC
from medinorm.records.scores import ScoreRow
from medinorm.variant import Variant

PACKAGE = Path(medinorm.__file__).parent

SHIPPED = ("dice", "nsd", "hd95")

NEW = """
from medinorm.score.declare import MeasuredLabel, metric


@metric(
    "volume_error",
    "the difference of both volumes over the volume of the label",
    title="Volume error",
    unit="",
    better="lower",
    worst=1.0,
)
def compute_volume_error(label: MeasuredLabel) -> float:
    return abs(label.voxels_prediction - label.voxels_label) / label.voxels_label
"""

# Scores one scan, then compares; prints the columns and the mean.
USE = """
import numpy as np
from pathlib import Path
from medinorm.config import EvidenceConfig
from medinorm.evidence.stage import compare_variants
from medinorm.files.records import read_records, write_records
from medinorm.records.evidence import DomainRow, SummaryRow
from medinorm.records.scans import SplitRow
from medinorm.records.scores import ScoreRow
from medinorm.variant import Variant
from medinorm.score.compare import compare_label_maps
from medinorm.variant import Variant

true, predicted = np.zeros((2, 6, 6, 6), np.uint8)
true[1:3] = 1
predicted[1:4] = 1
(found,) = compare_label_maps(true, predicted, [1], (1, 1, 1), 1.0)
variant = Variant("zscore", "batch", "flip", "none")
counts = found.voxels_label, found.voxels_prediction
row = ScoreRow(variant, "lodo-a", 0, "s", 1, "scored", found.metrics, *counts)
write_records(Path("scores.tsv"), [row], ScoreRow)
split = SplitRow("lodo-a", "lodo", 0, "s", "p", "a", "test")
write_records(Path("splits.tsv"), [split], SplitRow)
compare_variants(
    [Path("scores.tsv")], Path("splits.tsv"), Path("runs"), Path("evidence"),
    domain=["scanner"], settings=EvidenceConfig(resamples=100),
)
for kind, name in ((DomainRow, "domains"), (SummaryRow, "summary")):
    row = read_records(Path("evidence") / f"{name}.tsv", kind)[-1]
    print(row.other_metrics["volume_error"])
"""


def test_the_primary_metric_comes_first_then_shares_then_distances():
    assert [name for name in METRICS if name in SHIPPED] == list(SHIPPED)
    assert tuple(METRICS) == (PRIMARY_METRIC, *OTHER_METRICS)
    assert [name for name, metric in METRICS.items() if metric.primary] == ["dice"]
    assert [METRICS[name].unit for name in SHIPPED] == ["", "", "mm"]


def test_a_perfect_prediction_has_the_best_score():
    best = [METRICS[name].best_score for name in SHIPPED]
    assert best == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(("name", "worst"), [("dice", 0), ("nsd", 0), ("hd95", 42)])
def test_a_missed_label_gets_the_worst_score(name, worst):
    assert METRICS[name].worst_score(42.0) == worst


def test_a_new_file_is_a_new_metric_in_all_tables(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    copy = shutil.copytree(PACKAGE, tmp_path / "medinorm", ignore=ignored)
    (copy / "score" / "metrics" / "volume_error.py").write_text(NEW)
    code = [sys.executable, "-c", USE]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        code,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0.5", "0.5"]
    head, row = (tmp_path / "scores.tsv").read_text().splitlines()
    cells = dict(zip(head.split("\t"), row.split("\t"), strict=True))
    assert (cells["dice"], cells["volume_error"]) == ("0.8", "0.5")


@pytest.mark.parametrize("name", ["label", "domain", "seed"])
def test_a_metric_with_the_name_of_a_column_is_refused(name):
    @dataclass(frozen=True)
    class Row:
        variant: Variant
        domain: str
        label: int
        seed: int
        metrics: Mapping[str, float | None] = field(
            metadata=columns(names=("dice", name))
        )

    with pytest.raises(StageError, match=f"two columns are called '{name}'; give the"):
        require_distinct_columns(Row)


def test_no_metric_has_the_name_of_a_column():
    require_distinct_columns(ScoreRow, DomainRow, SummaryRow)
