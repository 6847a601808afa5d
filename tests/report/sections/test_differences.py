"""Pairs with the best variant first, all others behind a click."""

from dataclasses import replace

from medinorm.report.sections.differences import write_differences
from tests.report.page import words


def test_pairs_with_the_best_stand_before_all_pairs(fake_study):
    section = write_differences.write(fake_study().inputs())
    first, rest = section.split("<summary>All 10 pairs</summary>")
    assert first.count("<tr>") == 1 + 4
    assert rest.count("<tr>") == 1 + 10
    assert "Pairs with zscore + instance , which has the highest" in words(first)


def test_two_variants_have_one_pair(fake_study):
    study = fake_study(
        variants=[("none", "batch", "flip", "none"), ("none", "group", "flip", "none")]
    )
    assert "<details>" not in write_differences.write(study.inputs())


def test_without_a_pair_there_is_a_note(fake_study):
    inputs = fake_study().inputs()
    findings = replace(inputs.findings, differences=())
    section = write_differences.write(replace(inputs, findings=findings))
    assert words(section) == "No pair of variants was compared."
