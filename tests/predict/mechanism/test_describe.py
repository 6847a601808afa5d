"""Planted networks: one keeps what scanners do to intensities, one does not."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from medinorm.files.records import read_records
from medinorm.layers import InstanceNorm3d, NoNorm
from medinorm.predict.mechanism.describe import (
    SCANS,
    PassingScans,
    choose_few,
    pass_patch,
)
from medinorm.records.beyond_means import (
    LayerDriftRow,
    ProbeRow,
    drift_path,
    probe_path,
)
from medinorm.records.scans import SplitRow

DOMAINS = ("a", "b", "c")
CARD = SimpleNamespace(
    patch=(8, 8, 8),
    needs=(),
    regions=4,
    intensity="none",
    norm="planted",
    augmentation="flip",
)


def rows(each=6):
    return [
        SplitRow("lodo-a", "lodo", 0, f"{domain}{n}", f"{domain}{n}", domain, "test")
        for domain in DOMAINS
        for n in range(each)
    ]


def build(norm):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv3d(1, 8, 3, padding=1, padding_mode="circular"),
        norm(8),
        nn.ReLU(),
        nn.Conv3d(8, 16, 2, stride=2),
        norm(16),
        nn.ReLU(),
    ).eval()


@pytest.fixture
def describe(tmp_path):
    """Pass scans whose domains differ by gain and offset; read both tables."""

    def run(norm, *, apart=True, each=6):
        rng, network = np.random.default_rng(0), build(norm)
        passing = PassingScans.of(rows(each), "lodo-a", "none", few=True)
        for scan, row in passing.few.items():
            image = rng.normal(size=(1, 10, 10, 10)).astype(np.float32)
            place = DOMAINS.index(row.domain) if apart else 0
            image = (1 + 0.5 * place) * image + 2 * place
            references = np.empty((0, 1, 8, 8, 8), np.float32)
            passed = pass_patch(
                network,
                CARD,
                image.astype(np.float32),
                domain=-1,
                references=references,
            )
            passing.add(0, scan, (CARD, passed))
        status = tmp_path / "job-0.tsv"
        passing.write(status)
        drift = read_records(drift_path(status), LayerDriftRow)
        probe = read_records(probe_path(status), ProbeRow)
        return drift, np.mean([row.guess == row.domain for row in probe])

    return run


def test_a_network_that_shifts_features_by_domain_is_detected(describe):
    drift, accuracy = describe(NoNorm)
    assert [(row.layer, row.side) for row in drift] == [
        (layer, side) for layer in (1, 2) for side in ("before", "after")
    ]
    assert min(row.shift for row in drift) > 0.3
    assert accuracy > 0.9


def test_instance_norm_takes_the_domain_away(describe):
    drift, accuracy = describe(InstanceNorm3d)
    before, after = drift[:2]
    assert before.shift > 0.5
    assert after.shift < 1e-3
    assert max(row.shift for row in drift[2:]) < 0.1
    assert accuracy < 0.65  # of 18 scans; chance is a third


def test_domains_that_do_not_differ_have_no_drift(describe):
    drift, accuracy = describe(NoNorm, apart=False)
    assert max(row.shift for row in drift) < 0.05
    assert accuracy < 0.65


def test_few_scans_of_each_domain_pass():
    chosen = choose_few(rows(SCANS + 5))
    assert len(chosen) == SCANS * len(DOMAINS)
    assert not PassingScans.of(rows(), "lodo-a", "none", few=False).few


def test_a_single_domain_has_tables_without_rows(tmp_path):
    passing = PassingScans.of(rows(), "lodo-a", "none", few=True)
    status = tmp_path / "job-0.tsv"
    passing.write(status)
    assert read_records(drift_path(status), LayerDriftRow) == []
    assert read_records(probe_path(status), ProbeRow) == []
