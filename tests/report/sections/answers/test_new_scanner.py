"""The table of acquisition is there with how to read it, and hostile names are text."""

from dataclasses import replace

from medinorm.records.scans import Identity
from medinorm.report.sections.answers.new_scanner import (
    write_new_scanner,
)
from tests.report.page import words
from tests.report.sections.answers.test_expected import write_expected


def test_each_domain_is_a_column(fake_study):
    study = fake_study(subjects=2)
    text = words(write_new_scanner.write(study.inputs()))
    assert all(scanner in text for scanner in study.scanners)
    assert "Find the same facts of your own scanner" in text
    assert "Voxels along R 24 24 24" in text


def test_a_study_that_says_nothing_has_a_note(fake_study):
    study = fake_study(subjects=2)
    inputs = study.inputs(volumes={})
    scans = tuple(replace(row, identity=Identity()) for row in inputs.findings.scans)
    findings = replace(inputs.findings, scans=scans)
    text = words(write_new_scanner.write(replace(inputs, findings=findings)))
    assert "Nothing is known about how these scans were acquired" in text


def test_how_often_the_expectation_was_right_is_named_where_it_is_known(fake_study):
    study = fake_study(subjects=2)
    link = 'href="#expected-dice"'
    assert link not in write_new_scanner.write(study.inputs())
    assert link in write_new_scanner.write(write_expected(study))


def test_hostile_names_are_text(fake_study):
    inputs = fake_study(subjects=2).inputs()
    hostile = "<img src=x onerror=alert(1)>\N{RIGHT-TO-LEFT OVERRIDE}" + "W" * 10_000
    scans = tuple(
        replace(row, identity=row.identity.with_columns(model=hostile))
        for row in inputs.findings.scans
    )
    findings = replace(inputs.findings, scans=scans)
    section = write_new_scanner.write(replace(inputs, findings=findings))
    assert "<img" not in section
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in section
