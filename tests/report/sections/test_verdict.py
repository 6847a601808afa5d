"""The head of the page gives the verdict, or why nothing was ranked."""

from dataclasses import replace

import pytest

from medinorm.report.sections.verdict import write_verdict
from tests.report.page import words


@pytest.mark.parametrize("ranked", [True, False])
def test_banner_says_why_nothing_was_ranked(fake_study, ranked):
    study = fake_study(ranked=ranked, seeds=3 if ranked else 2)
    text = words(write_verdict.write(study.inputs()))
    assert ("Not ranked." in text) is not ranked
    assert text.count("there are 2 seeds and 3 are needed") == (not ranked)
    assert "loses most of its accuracy on the low-field scanner" in text


@pytest.mark.parametrize("ranked", [True, False])
def test_weaknesses_stand_before_the_numbers(fake_study, ranked):
    inputs = fake_study(ranked=ranked).inputs()
    weak = ("Few trainings (3 seeds).", "Few <b>subjects</b>.")
    verdict = replace(inputs.findings.verdict, weaknesses=weak)
    findings = replace(inputs.findings, verdict=verdict)
    page = write_verdict.write(replace(inputs, findings=findings))
    text = words(page)
    assert text.index("Few trainings (3 seeds).") < text.index(verdict.sentences[-1])
    assert "Few &lt;b&gt;subjects&lt;/b&gt;." in page
    assert 'role="note"' in page
    assert 'role="note"' not in write_verdict.write(inputs)


def test_the_size_of_the_study_is_counted(fake_study):
    text = words(write_verdict.write(fake_study(seeds=1, ranked=False).inputs()))
    for counted in ("scans 18", "subjects 18", "domains 3", "variants 5", "seed 1"):
        assert counted in text
