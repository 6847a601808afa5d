"""Calibration by hand, and in the table of a study."""

import numpy as np
import pytest

from medinorm.columns.calibration import write_calibration
from medinorm.columns.cases import Cases
from medinorm.evidence.beyond_means.calibration import (
    SHARES,
    measure_prediction,
    tabulate_calibration,
    trace_curves,
    trace_retention,
)
from medinorm.files.records import read_records
from medinorm.records.calibration import (
    BINS,
    CalibrationRow,
    CalibrationSummaryRow,
    RetentionRow,
)
from medinorm.variant import Variant

VARIANT = Variant("zscore", "batch", "flip", "none")


def row(scan="a", split="lodo-ge", seed=0, **bins):
    """`bins`: place to voxels, right ones and mean confidence."""
    cells = {int(place[1:]): numbers for place, numbers in bins.items()}
    columns = zip(*(cells.get(n, (0, 0, 0.0)) for n in range(BINS)), strict=True)
    return CalibrationRow(VARIANT, split, seed, scan, *columns, brier=0.1)


def test_a_calibrated_network_has_no_error_of_calibration():
    found = measure_prediction(row(_19=(100, 98, 0.98), _10=(40, 21, 0.525)))
    assert found.ece == pytest.approx(0)
    assert found.error == pytest.approx((2 + 19) / 140)


def test_a_sure_network_is_off_by_its_errors():
    found = measure_prediction(row(_19=(100, 70, 1.0)))
    assert found.ece == pytest.approx(0.3)
    # It does not know where it is wrong: the error stays whatever is retained.
    assert found.error_50 == found.error_75 == found.retention == pytest.approx(0.3)


def test_the_error_falls_with_what_is_retained_if_the_network_knows():
    found = measure_prediction(row(_19=(50, 50, 0.99), _9=(50, 30, 0.5)))
    assert found.error_50 == 0
    assert found.error_75 == pytest.approx(10 / 75)
    assert found.error == pytest.approx(0.2)
    assert 0 < found.retention < 0.2


def test_the_table_has_means_by_variant_and_domain(study):
    tables = [row("ge0", _19=(10, 10, 1.0)), row("ge1", _19=(10, 8, 1.0))]
    empty = row("ge2")  # no structure anywhere
    rows = [*tables, empty, row("siemens0")]
    write_calibration(study.folder / "scores.tsv", rows)
    found = read_records(study.compare() / "calibration.tsv", CalibrationSummaryRow)
    assert [(r.variant, r.design, r.domain, r.in_domain) for r in found] == [
        (VARIANT, "lodo", "ge", False)
    ]
    assert (found[0].predictions, found[0].ece) == (2, pytest.approx(0.1))


def test_the_curve_has_the_points_of_the_table(study):
    rows = [
        row("ge0", _19=(50, 50, 0.99), _9=(50, 30, 0.5)),
        row("ge1", _19=(100, 90, 0.99)),
    ]
    write_calibration(study.folder / "scores.tsv", rows)
    evidence = study.compare()
    points = read_records(evidence / "error_retention.tsv", RetentionRow)
    (summary,) = read_records(evidence / "calibration.tsv", CalibrationSummaryRow)
    curve = {point.retained: point.error for point in points}
    assert list(curve) == pytest.approx([place / 20 for place in range(1, 21)])
    assert curve[1.0] == pytest.approx(summary.error)
    assert curve[0.75] == pytest.approx(summary.error_75)
    assert curve[0.5] == pytest.approx(summary.error_50)
    assert curve[0.5] == pytest.approx((0 + 0.1) / 2)
    assert trace_retention(rows[1]) == pytest.approx(0.1)


def test_without_confidence_the_table_is_empty(study):
    assert not list(tabulate_calibration([], Cases.of([])))
    evidence = study.compare()
    assert read_records(evidence / "calibration.tsv", CalibrationSummaryRow) == []
    assert read_records(evidence / "error_retention.tsv", RetentionRow) == []


def test_all_curves_at_once_are_those_of_interpolation():
    """Bins without voxels, shares that end with a bin, one bin alone."""
    rng = np.random.default_rng(0)
    voxels = rng.integers(0, 40, (300, BINS)) * rng.integers(0, 2, (300, BINS))
    voxels[:100, 3], voxels[100] = 25, 0
    voxels[100, [0, 19]] = 50
    correct = rng.binomial(voxels, 0.8)
    curves = trace_curves(voxels.astype(float), correct.astype(float))
    for own, right, curve in zip(voxels, correct, curves, strict=True):
        retained = np.append(0.0, np.cumsum(own[::-1])) / own.sum()
        errors = np.append(0.0, np.cumsum((own - right)[::-1])) / own.sum()
        expected = np.interp(SHARES, retained, errors) / SHARES
        np.testing.assert_allclose(curve, expected, rtol=1e-12, atol=1e-15)


def test_the_order_of_rows_changes_nothing(study):
    rows = [row("ge0", _19=(10, 10, 1.0)), row("ge1", _19=(10, 8, 1.0))]
    write_calibration(study.folder / "scores.tsv", rows)
    evidence = study.compare()
    whole = (evidence / "calibration.tsv").read_bytes()
    write_calibration(study.folder / "scores.tsv", rows[::-1])
    assert (study.compare() / "calibration.tsv").read_bytes() == whole
