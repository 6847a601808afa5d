"""Predictions of networks that left a domain out are measured; no others are."""

import pytest

from medinorm.errors import DamagedError
from medinorm.expected.predicted import (
    SCANS_READ,
    Predictions,
    choose_tests,
    find_predictions,
)
from medinorm.layout import run_folder
from medinorm.records.calibration import confidence_path
from medinorm.records.scans import SplitRow, read_scans
from medinorm.variant import Variant
from tests.expected.conftest import VARIANT


def measure(study, values=(1, 2)):
    small, rows = study.small, study.rows
    predictions = Predictions(read_scans(small.scans, small.canonical), rows, values)
    return list(predictions.measure(find_predictions(study.tables, rows)))


def test_agreement_and_dice_fall_on_unseen_domains(predicted_study):
    measured = measure(predicted_study)
    tests = [r for r in predicted_study.rows if r.role == "test" and r.design == "lodo"]
    assert len(measured) == len(tests) == 8
    assert {scan.variant for scan in measured} == {Variant(*VARIANT)}
    assert {scan.seeds for scan in measured} == {3}
    assert all(scan.sureness == pytest.approx(0.8) for scan in measured)
    inside = [scan for scan in measured if scan.in_domain]
    unseen = [scan for scan in measured if not scan.in_domain]
    assert {scan.row.split[-1] for scan in unseen if scan.row.domain == "a"} == {"a"}
    for name in ("dice", "agreement"):
        best = max(getattr(scan, name) for scan in unseen)
        assert min(getattr(scan, name) for scan in inside) > best


def test_networks_of_other_designs_are_not_read(predicted_study):
    pooled = predicted_study.tables[0].parent.with_name("pooled") / "job-0.tsv"
    found = find_predictions([pooled], predicted_study.rows)
    assert found == []


def test_a_lost_confidence_leaves_the_agreement(predicted_study):
    first = predicted_study.tables[0].parent
    for path in run_folder(first, 0).glob("*.nii.gz"):
        for seed in (0, 1, 2):
            kept = run_folder(first, seed) / path.name
            confidence_path(kept).unlink()
            confidence_path(kept).with_suffix("").with_suffix(".json").unlink()
    measured = measure(predicted_study)
    lost = [scan for scan in measured if scan.row.split == first.name]
    assert {scan.sureness for scan in lost} == {None}
    assert all(scan.agreement for scan in lost)


def test_a_damaged_prediction_is_said(predicted_study):
    path = next(run_folder(predicted_study.tables[0].parent, 1).glob("*.nii.gz"))
    path.write_bytes(b"damaged")
    with pytest.raises(DamagedError):
        measure(predicted_study)


def test_some_scans_of_each_domain_stand_for_many():
    rows = [
        SplitRow("lodo-a", "lodo", 0, f"{domain}{n}", str(n), domain, "test")
        for domain, count in (("a", 3), ("b", 3 * SCANS_READ))
        for n in range(count)
    ]
    chosen = choose_tests(rows, "lodo-a")
    assert sum(row.domain == "a" for row in chosen) == 3
    assert sum(row.domain == "b" for row in chosen) == SCANS_READ
    assert len({row.scan for row in chosen}) == len(chosen)
