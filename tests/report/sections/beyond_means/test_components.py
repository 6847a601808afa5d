"""What Dice varies with, or why that is not known."""

from medinorm.report.sections.beyond_means.components import write_components
from tests.report import beyond_means
from tests.report.page import words


def test_components_and_shares_are_tables(fake_study):
    study = fake_study()
    beyond_means.write_components(study)
    text = words(write_components.write(study.inputs()))
    assert "the variants are not shown to differ (p = 0.250, tested against" in text
    assert "variant on one scanner rather than another 0.073 6" in text
    assert "+0.760 0.460 to 1.060" in text


def test_a_refused_model_says_why(fake_study):
    study = fake_study()
    beyond_means.write_components(study, refused="fewer than two variants are ranked")
    text = words(write_components.write(study.inputs()))
    assert "There is no mixed model of the Dice: fewer than two variants" in text
    assert "Standard deviation" not in text


def test_a_study_without_the_tables_has_no_section(fake_study):
    assert write_components.write(fake_study().inputs()) is None
