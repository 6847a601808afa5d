"""Ranges of acquisition and intensity, of what is recorded and readable."""

import math
from dataclasses import replace

import numpy as np
import pytest

from medinorm.files.nifti import Volume, read_volume, write_volume
from medinorm.layout import named_paths
from medinorm.records.scans import Identity
from medinorm.report.tables.acquisition import (
    SCANS_MEASURED,
    MeasuredDomain,
    describe_range,
    measure_domains,
    tabulate_acquisition,
)


def rows_of(table):
    return {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}


def with_identities(findings, **texts):
    """The same study with one column of all scanners set, scan by scan."""
    scans = [
        replace(row, identity=row.identity.with_columns(**{k: v[i % len(v)]}))
        for k, v in texts.items()
        for i, row in enumerate(findings.scans)
    ]
    return replace(findings, scans=tuple(scans))


def test_numbers_are_lowest_median_highest_of_each_domain(fake_study):
    findings = fake_study(subjects=3).inputs().findings
    findings = with_identities(findings, echo_time=("0.002", "0.004", "0.003"))
    rows = rows_of(tabulate_acquisition(findings, {}))
    assert rows["Echo time (s)"] == ["0.002 / 0.003 / 0.004"] * 3
    assert rows["Field strength (T)"] == ["1.5"] * 3
    assert rows["Vendor"] == ["GE", "Hyperfine", "Siemens"]
    assert "Inversion time (s)" not in rows  # no scan says it


def test_spacing_is_told_axis_by_axis(fake_study):
    findings = fake_study(subjects=2, scanners=("A", "B")).inputs().findings
    findings = with_identities(findings, spacing=("1x1x3", "1x1x5"))
    rows = rows_of(tabulate_acquisition(findings, {}))
    assert rows["Spacing along R (mm)"] == ["1"] * 2
    assert rows["Spacing along S (mm)"] == ["3 / 4 / 5"] * 2


@pytest.mark.parametrize("text", ["", "1x2", "axial", "nan"])
def test_cells_that_are_no_numbers_are_no_row(fake_study, text):
    findings = fake_study(subjects=2, scanners=("A", "B")).inputs().findings
    findings = with_identities(findings, spacing=(text,))
    assert not [
        row for row in rows_of(tabulate_acquisition(findings, {})) if "Spac" in row
    ]


def test_intensities_are_percentiles_of_the_scans(fake_study):
    study = fake_study(subjects=20, scanners=("A", "B"), size=8)
    inputs = study.inputs()
    measured = measure_domains(inputs.findings, inputs.volumes, None)
    assert measured["A"].matrix == [(8, 8, 8)] * SCANS_MEASURED
    values = measured["A"].intensities[""]["99 % below"]
    first = read_volume(next(iter(inputs.volumes.values())).image).array
    assert values[0] == pytest.approx(np.percentile(first, 99))


def test_intensities_after_each_method(fake_study):
    variants = [(step, "batch", "flip", "none") for step in ("zscore", "nyul", "none")]
    study = fake_study(variants=variants, subjects=2)
    for intensity, folder in (("zscore", "shared"), ("nyul", "pooled")):
        for scan, _, _ in study.scans:
            path, _ = named_paths(study.root / "harmonized" / intensity / folder, scan)
            image = np.full((1, 4, 4, 4), 7.0, dtype=np.float32)
            write_volume(Volume(image, np.eye(4)), path)
    inputs = study.inputs()
    measured = measure_domains(
        inputs.findings, inputs.volumes, study.root / "harmonized"
    )
    rows = rows_of(tabulate_acquisition(inputs.findings, measured))
    assert rows["Intensity, 50 % below, after nyul"] == ["7"] * 3
    assert rows["Intensity, 50 % below, after zscore"] == ["7"] * 3
    assert not [head for head in rows if "after none" in head]


def test_scans_that_cannot_be_read_are_left_out(fake_study):
    study = fake_study(subjects=2)
    for path in (study.root / "canonical").glob("*T1w.nii.gz"):
        path.write_bytes(b"")
    inputs = study.inputs()
    measured = measure_domains(inputs.findings, inputs.volumes, None)
    assert all(not domain.matrix for domain in measured.values())


def test_a_scan_that_is_not_finite_has_no_intensities():
    domain = MeasuredDomain([(1, 1, 1)], {"": {"50 % below": [math.nan]}})
    assert describe_range(domain.intensities[""]["50 % below"]) == ""


def test_many_names_are_shortened(fake_study):
    findings = fake_study(subjects=6, scanners=("A", "B")).inputs().findings
    findings = with_identities(findings, model=tuple("abcdef"))
    rows = rows_of(tabulate_acquisition(findings, {}))
    assert rows["Model"] == ["a, b, c, d and 2 more"] * 2
    assert Identity().texts["model"] == ""
