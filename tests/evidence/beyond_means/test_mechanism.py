"""Drift and probes over the networks of a variant."""

import pytest

from medinorm.evidence.beyond_means.mechanism import (
    bound_share,
    tabulate_drift,
    tabulate_probe,
    write_mechanism,
)
from medinorm.files.records import read_records, write_records
from medinorm.records.beyond_means import (
    DomainProbeRow,
    FeatureDriftRow,
    LayerDriftRow,
    ProbeRow,
    drift_path,
    probe_path,
)
from medinorm.records.scans import SplitRow
from medinorm.variant import Variant

VARIANT = Variant("zscore", "batch", "flip", "none")
ROLES = [
    SplitRow(f"lodo-{out}", "lodo", 0, f"{domain}{n}", f"p{domain}{n}", domain, "test")
    for out in "ab"
    for domain in "ab"
    for n in range(4)
]


def drift(split, seed, side, shift):
    return LayerDriftRow(VARIANT, split, seed, 1, "norm", 8, side, shift, 0.1)


def probe(right, split="lodo-a", seed=0):
    """`right`: how many of the four scans of each domain are guessed."""
    return [
        ProbeRow(VARIANT, split, seed, f"{domain}{n}", domain, domain if n < k else "x")
        for domain, k in zip("ab", right, strict=True)
        for n in range(4)
    ]


def test_drift_is_averaged_over_the_networks_of_a_design():
    rows = [drift("lodo-a", 0, "before", 0.5), drift("lodo-b", 0, "before", 1.0)]
    (found,) = tabulate_drift([*rows, drift("gone", 0, "before", 9.0)], ROLES)
    assert (found.design, found.networks) == ("lodo", 2)
    assert (found.shift, found.shift_low, found.shift_high) == (0.75, 0.5, 1.0)


def test_accuracy_is_balanced_and_its_interval_rests_on_subjects():
    rows = [*probe((4, 2)), *probe((4, 2), "lodo-b"), *probe((4, 2), seed=1)]
    (found,) = tabulate_probe(rows, ROLES, 0.95)
    assert found.accuracy == pytest.approx(0.75)
    assert (found.networks, found.subjects, found.domains) == (3, 8, 2)
    assert found.chance == 0.5
    # As many networks as there are: not more than eight subjects.
    expected = bound_share(0.75, 8, 0.95)
    assert (found.accuracy_low, found.accuracy_high) == pytest.approx(expected)


def test_few_subjects_prove_nothing_even_if_all_are_right():
    roles = [row for row in ROLES if row.scan in {"a0", "b0"}]
    rows = [row for row in probe((4, 4)) if row.scan in {"a0", "b0"}]
    (found,) = tabulate_probe(rows, roles, 0.95)
    assert found.accuracy == 1
    assert found.accuracy_low < found.chance


def test_the_interval_is_that_of_wilson():
    low, high = bound_share(0.5, 10, 0.95)
    assert (low, high) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_tables_lie_beside_predictions(tmp_path):
    status = tmp_path / "job-0.tsv"
    write_records(drift_path(status), [drift("lodo-a", 0, "after", 0.2)], LayerDriftRow)
    write_records(probe_path(status), probe((4, 4)), ProbeRow)
    missing = tmp_path / "old" / "job-0.tsv"
    write_mechanism(tmp_path, [status, missing], ROLES, 0.95)
    assert len(read_records(tmp_path / "drift.tsv", FeatureDriftRow)) == 1
    assert len(read_records(tmp_path / "probe.tsv", DomainProbeRow)) == 1
