"""Costs are shown, and settings that differ are a warning."""

from dataclasses import replace

from medinorm.report.sections.fairness import write_fairness
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
