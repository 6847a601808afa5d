"""What was expected stands beside what was observed, with how often it was right."""

from dataclasses import replace

import pytest

from medinorm.expected.records import ExpectedErrorRow, ExpectedScanRow
from medinorm.files.records import write_records
from medinorm.report.sections.answers.expected import (
    choose_shown,
    read_expected,
    write_expected_dice,
)
from tests.report.page import words

NOTE = "the interval rests on 3 domains and has no guarantee; that needs 9"


def write_expected(study, known=True):
    inputs = study.inputs()
    scans, errors = [], []
    for variant in inputs.findings.variants:
        for scanner in study.scanners:
            scans += [
                ExpectedScanRow(
                    *(variant, "lodo-x", f"sub-{n}", str(n), scanner, seen, 3),
                    *(0.9, 0.8, 0.7, 0.75, 0.6, 0.9),
                )
                for n in range(2)
                for seen in (True, False)
            ]
        numbers = (0.032, 0.034, 0.89, 0.12) if known else (None,) * 4
        for domain in (*study.scanners, "all"):
            note = NOTE if domain == "all" else None
            errors.append(ExpectedErrorRow(variant, domain, 6, *numbers, note))
    write_records(inputs.evidence / "expected_scans.tsv", scans, ExpectedScanRow)
    write_records(inputs.evidence / "expected_errors.tsv", errors, ExpectedErrorRow)
    return inputs


@pytest.fixture
def inputs(fake_study):
    return write_expected(fake_study())


def test_the_figure_and_the_errors_of_the_deployed_variant(inputs):
    section = write_expected_dice.write(inputs)
    text = words(section)
    assert "differed by 0.032 on average over 6 scans" in text
    assert "would have been off by 0.034" in text
    assert "89% of the scans had their Dice in the 90% interval" in text
    assert "The interval rests on 3 domains and has no guarantee" in text
    scanners = len(inputs.findings.domain_names)
    assert section.count("observed 0.700") == 2 * scanners  # of unseen domains only
    variants = len(inputs.findings.variants)
    assert section.count("<tr>") == 1 + variants * (scanners + 1)


def test_the_best_variant_of_the_verdict_is_shown(inputs):
    _, errors = read_expected(inputs.evidence)
    findings = inputs.findings
    last = findings.variants[-1]
    verdict = replace(findings.verdict, best=(last,))
    assert choose_shown(replace(findings, verdict=verdict), errors) == last
    unranked = replace(findings.verdict, best=())
    assert (
        choose_shown(replace(findings, verdict=unranked), errors)
        == (findings.variants[0])
    )


def test_a_study_that_cannot_say_has_its_reason(fake_study):
    text = words(write_expected_dice.write(write_expected(fake_study(), known=False)))
    assert f"nothing can be expected: {NOTE}" in text


def test_a_study_of_an_earlier_version_has_no_such_section(fake_study):
    assert write_expected_dice.write(fake_study().inputs()) is None
