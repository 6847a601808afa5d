"""Ranks by other metrics and rules, and the map of significant differences."""

from medinorm.report.sections.beyond_means.ranks import write_ranks
from tests.report import beyond_means
from tests.report.page import Page, words


def test_agreement_is_said(fake_study):
    study = fake_study()
    beyond_means.write_ranks(study)
    text = words(write_ranks.write(study.inputs()))
    assert "is first by each of 2 combinations of metric and rule." in text
    assert "tau of 0.75 on average" in text
    assert "its resamples (mean) 0.75 0.500 to 1.000" in text


def test_disagreement_is_said(fake_study):
    study = fake_study()
    beyond_means.write_ranks(study, other_first=True)
    text = words(write_ranks.write(study.inputs()))
    assert "is first by 1 of 2 combinations" in text
    assert "(Dice, number of significant tests won: rank 2)" in text


def test_the_map_says_each_verdict_in_words_and_signs(fake_study):
    study = fake_study()
    ranked = beyond_means.write_ranks(study)
    markup = write_ranks.write(study.inputs())
    assert "\N{BLACK UP-POINTING TRIANGLE} better" in markup
    assert "\N{BLACK DOWN-POINTING TRIANGLE} worse" in markup
    scopes = [own.get("scope") for own in Page(markup).named("th")]
    assert scopes.count("row") >= len(ranked)
    assert "<svg" in markup


def test_nothing_is_shown_where_nothing_is_ranked(fake_study):
    assert write_ranks.write(fake_study(ranked=False, seeds=2).inputs()) is None
