"""Heat maps of all variants; designs that were not run are named."""

import re

import pytest

from medinorm.report.sections.train_to_test import write_train_to_test
from tests.report.page import words


@pytest.mark.parametrize(
    "designs", [("lodo",), ("pooled",), ("single",), ("lodo", "pooled", "single")]
)
def test_designs_that_were_not_run_are_named(fake_study, designs):
    text = words(write_train_to_test.write(fake_study(designs=designs).inputs()))
    assert ("Leave one domain out was not run" in text) is ("lodo" not in designs)
    assert ("The pooled design was not run" in text) is ("pooled" not in designs)
    assert ("Single-source training was not run" in text) is ("single" not in designs)


def test_more_than_eight_variants_wait_behind_a_click(fake_study):
    variants = [("none", f"norm_{index}", "flip", "none") for index in range(10)]
    study = fake_study(variants=variants, seeds=1, subjects=2, size=8)
    section = write_train_to_test.write(study.inputs())
    first, rest = section.split("<details><summary>2 more variants</summary>")
    assert first.count("<figure>") == 8
    assert rest.count("<figure>") == 2


def test_single_source_has_its_whole_matrix_the_best_variant_first(fake_study):
    study = fake_study(designs=("single",))
    section = write_train_to_test.write(study.inputs())
    best = study.inputs().findings.variants[0]
    name = study.inputs().findings.names[best]
    figures = re.findall(r"<figure.*?</figure>", section, flags=re.DOTALL)
    assert name in figures[0]
    assert len(figures) == len(study.variants)
    for shown in figures:
        count = len(study.scanners)
        assert len(re.findall(r">0\.\d{3}<", shown)) == count**2
        assert shown.count("cell unseen") == count**2 - count


def test_the_numbers_are_read_without_a_script_or_a_figure(fake_study):
    study = fake_study(designs=("lodo", "pooled"))
    inputs = study.inputs()
    section = write_train_to_test.write(inputs)
    highest = section.index("The variant with the highest mean Dice")
    assert highest < section.index("<figure>")
    for domain in inputs.findings.domain_names:
        assert f"<details><summary>Tested on {domain}</summary>" in section


def test_a_single_variant_is_not_called_the_highest(fake_study):
    study = fake_study(variants=[("zscore", "batch", "flip", "none")])
    section = write_train_to_test.write(study.inputs())
    assert "The variant with the highest" not in section
    assert "<summary>Tested on" in section
