"""Plan, methods and terms of the study at hand."""

from dataclasses import fields, replace

from medinorm.config import ScoreConfig
from medinorm.records.training_plan import TrainingPlan
from medinorm.report.sections.record.methods import (
    write_glossary,
    write_methods,
    write_training_plan,
)
from medinorm.report.text.methods import StageSettings
from tests.records.test_training_plan import PLAN
from tests.report.beyond_means import measure
from tests.report.page import words

NUMBERS = [field.name for field in fields(TrainingPlan)]


def test_numbers_and_settings_reach_the_methods(fake_study):
    stages = StageSettings(score=ScoreConfig(tolerance=7.5))
    text = words(write_methods.write(fake_study().inputs(stages=stages)))
    assert "18 scans of 18 subjects from 3 domains" in text
    assert "The tolerance of surfaces is 7.5 mm." in text


def test_confidence_is_described_where_it_was_measured(fake_study):
    study = fake_study()
    assert "calibration error" not in words(write_methods.write(study.inputs()))
    measure(study)
    text = words(write_methods.write(study.inputs()))
    assert "over 20 bins" in text
    assert "error retention [@malinin2022]" in text
    assert "brier1950" in text


def test_terms_use_the_word_of_the_domain(fake_study):
    text = words(write_glossary.write(fake_study(domain=("site",)).inputs()))
    assert "tested on a site that the network never saw." in text


def test_the_plan_is_shown_with_its_reasons(fake_study):
    plan = replace(PLAN, reasons=dict.fromkeys(NUMBERS, "Why <not>."))
    text = words(write_training_plan.write(fake_study().inputs(plan=plan)))
    assert "the headers of the 7 scans of 2 domains" in text
    assert "20 minutes and 2 GiB on a CPU" in text
    for shown in (
        *("1 x 1 x 4 mm", "64 x 64 x 16 voxels", "16, 32, 64", "5,000", "33%"),
        *("2 x 2 x 1, 2 x 2 x 2", "3 x 3 x 1, 3 x 3 x 3, 3 x 3 x 3"),
    ):
        assert f"{shown} Why &lt;not&gt;." in text


def test_a_study_without_a_plan_shows_none(fake_study):
    assert write_training_plan.write(fake_study().inputs()) is None
