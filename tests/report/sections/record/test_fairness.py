"""Costs are shown, and settings that differ are a warning."""

from dataclasses import replace

from medinorm.records.learning_rates import RateRow
from medinorm.report.sections.record.fairness import write_fairness
from tests.report.page import words


def test_equal_settings_give_no_warning(fake_study):
    text = words(write_fairness.write(fake_study().inputs()))
    assert "Not the same" not in text
    assert "123,457" in text


def test_settings_that_differ_are_a_warning(fake_study):
    inputs = fake_study().inputs()
    first, *others = inputs.findings.fairness
    uneven = (replace(first, learning_rate="0.1", steps="9"), *others)
    findings = replace(inputs.findings, fairness=uneven)
    text = words(write_fairness.write(replace(inputs, findings=findings)))
    assert "Not the same for all variants: steps, learning rate." in text


def test_costs_that_were_not_recorded_are_a_note(fake_study):
    inputs = fake_study().inputs()
    inputs = replace(inputs, findings=replace(inputs.findings, fairness=()))
    text = words(write_fairness.write(inputs))
    assert text == "The costs of training were not recorded."


def test_rates_that_were_searched_alike_are_no_warning(fake_study):
    inputs = fake_study().inputs()
    first, *others = inputs.findings.fairness
    rates = tuple(
        RateRow(row.variant, split, rate, 0.5 + rate, 0.1, chosen=rate == 0.1)
        for row in inputs.findings.fairness
        for split in ("a", "b")
        for rate in (0.1, 0.2)
    )
    fairness = (replace(first, learning_rate="0.1 / 0.2"), *others)
    findings = replace(inputs.findings, fairness=fairness, rates=rates)
    text = words(write_fairness.write(replace(inputs, findings=findings)))
    assert "Not the same" not in text
    assert "Each had the same budget: one network a rate, 2 rates." in text
    assert "0.600 (2 of 2)" in text
    uneven = replace(findings, rates=rates[1:])
    text = words(write_fairness.write(replace(inputs, findings=uneven)))
    assert "Not the same for all variants: learning rate." in text
