"""Methods and terms of the study at hand."""

from medinorm.config import ScoreConfig
from medinorm.report.sections.methods import write_glossary, write_methods
from medinorm.report.text.methods import StageSettings
from tests.report.page import words


def test_numbers_and_settings_reach_the_methods(fake_study):
    stages = StageSettings(score=ScoreConfig(tolerance=7.5))
    text = words(write_methods.write(fake_study().inputs(stages=stages)))
    assert "18 scans of 18 subjects from 3 domains" in text
    assert "The tolerance of surfaces is 7.5 mm." in text


def test_terms_use_the_word_of_the_domain(fake_study):
    text = words(write_glossary.write(fake_study(domain=("site",)).inputs()))
    assert "tested on a site that the network never saw." in text
