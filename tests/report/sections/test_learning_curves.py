"""Each variant has its curves, drawn once."""

from dataclasses import replace

from medinorm.records.evidence import CurveRow
from medinorm.report.sections.learning_curves import write_learning_curves
from tests.report.page import words


def with_curves(study, **measures):
    """The inputs of a study whose runs have three rows each."""
    inputs = study.inputs()
    rows = [
        CurveRow(variant, "pooled", seed, step, 1 / step, **measures)
        for variant in inputs.findings.variants
        for seed in (0, 1)
        for step in (50, 100, 150)
    ]
    findings = replace(inputs.findings, curves=tuple(rows))
    return replace(inputs, findings=findings)


def test_each_network_is_drawn_once(fake_study):
    """Adaptations share the networks of their norm."""
    page = write_learning_curves.write(with_curves(fake_study()))
    assert page.count("<summary>") == 4  # of five variants one adapts
    assert page.count('class="curve"') == 4 * 2
    assert "pooled, seed 1: 0.007 at the end" in page


def test_what_was_not_recorded_has_no_panel(fake_study):
    study = fake_study()
    assert "Dice on" not in words(write_learning_curves.write(with_curves(study)))
    both = with_curves(study, validation_dice=0.8, train_dice=0.7)
    text = words(write_learning_curves.write(both))
    assert "Dice on training patches" in text
    assert "Dice on validation scans" in text


def test_without_histories_there_is_no_section(fake_study):
    assert write_learning_curves.write(fake_study().inputs()) is None
