"""What the files declare is what they compute, and a new file is a new metric."""

import numpy as np
import pytest

from medinorm.records.metrics import METRICS, Metric
from medinorm.score.declare import (
    DeclaredMetric,
    MeasuredLabel,
    compute_metrics,
    load_metrics,
    metric,
)

NEAR, FAR = np.array([0.0, 1.0]), np.array([3.0])
LABEL = MeasuredLabel(6, 2, 2, to_prediction=NEAR, to_label=FAR, tolerance=1.0)


def test_every_declared_metric_is_loaded_in_order():
    assert list(load_metrics()) == list(METRICS) == list(compute_metrics(LABEL))


def test_metrics_of_one_label_by_hand():
    found = compute_metrics(LABEL)
    assert (found["dice"], found["hd95"]) == (0.5, 3.0)
    assert found["nsd"] == pytest.approx(2 / 3)


def test_a_declaration_keeps_what_it_says_and_the_function():
    @metric("lack", "voxels", title="Lack", unit="", better="lower", worst=1.0)
    def compute_lack(label):
        return label.voxels_label - label.shared_voxels

    assert isinstance(compute_lack, DeclaredMetric)
    assert compute_lack.metric == Metric(
        *("lack", "voxels", "Lack", "", "lower", 1.0), module=__name__
    )
    assert compute_lack.compute(LABEL) == 4
