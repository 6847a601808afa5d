"""Costs are sums of what was recorded, and the estimate says its formula."""

from dataclasses import replace

import pytest

from medinorm.records.evidence import NetworkRow
from medinorm.report.sections.record.cost import estimate_energy, write_cost
from medinorm.variant import Variant
from tests.report.page import words


def network(variant, seed, seconds=3600.0, threads=2):
    return NetworkRow(
        *(variant, "pooled", "pooled", seed, f"runs/{seed}/model.safetensors", None),
        *(9, 10, seconds, threads, 500.0 + seed, 5),
    )


def write(study, networks):
    inputs = study.inputs()
    findings = replace(inputs.findings, networks=tuple(networks))
    return words(write_cost.write(replace(inputs, findings=findings)))


def test_energy_is_seconds_times_threads_times_watts():
    best = Variant("zscore", "instance", "flip", "none")
    rows = [network(best, 0), network(best, 1, threads=None)]
    assert estimate_energy(rows) == pytest.approx((2 + 1) * 10)


def test_time_and_energy_of_each_variant_and_of_all(fake_study):
    names = (Variant("zscore", norm, "flip", "none") for norm in ("instance", "batch"))
    rows = [network(name, seed) for name in names for seed in range(2)]
    unknown = network(Variant("zscore", "group", "flip", "none"), 0, seconds=None)
    text = write(fake_study(subjects=2), [*rows, unknown])
    assert "Training of all 4 networks" in text
    assert "4.0 hours on the clock" in text
    assert "about 80.0 Wh" in text
    assert "zscore + instance 2 2.00 4.00 501 40.0" in text
    assert "all 4 4.00 8.00 501 80.0" in text
    assert "10 W for a busy core" in text


def test_costs_that_are_not_recorded_are_a_note(fake_study):
    assert write(fake_study(subjects=2), []).startswith("What training cost was not")
