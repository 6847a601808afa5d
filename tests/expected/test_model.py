"""The line goes through unseen domains, and its interval is of whole domains."""

import pytest

from medinorm.expected.model import (
    DiceModel,
    KnownDice,
    conformal_reach,
    expect_each,
    fit_model,
    to_log_odds,
)
from medinorm.expected.records import GUARANTEED_DOMAINS
from tests.expected.cases import make_cases

FAR = {"step": 0.2, "subjects": 6}


def test_dice_is_expected_from_agreement_where_both_differ():
    model = fit_model(make_cases(**FAR))
    assert model.slope > 0.5
    good, poor = model.expect(0.8), model.expect(0.4)
    assert good.value == pytest.approx(0.7, abs=0.08)
    assert poor.value == pytest.approx(0.3, abs=0.08)
    assert poor.low < poor.value < poor.high < 1
    assert (model.domains, model.scans) == (3, 18)


def test_where_agreement_says_little_the_mean_is_expected():
    cases = [case._replace(dice=0.6) for case in make_cases() if case.held_out]
    model = fit_model(cases)
    assert model.slope == pytest.approx(0, abs=1e-9)
    assert model.expect(0.1).value == pytest.approx(0.6)


def test_known_domains_give_the_slope_and_not_the_place():
    """Both unseen domains agree alike; what a third one loses is seen in known ones."""
    cases = [
        KnownDice(domain, f"{domain}{number}", held_out, agreement, dice)
        for domain in "ab"
        for number in range(3)
        for held_out, agreement, dice in ((True, 0.6, 0.5), (False, 0.9, 0.85))
    ]
    model = fit_model(cases)
    assert model.expect(0.6).value == pytest.approx(0.5)
    assert model.expect(0.9).value > 0.7
    assert fit_model([case for case in cases if case.held_out]).slope == 0


def test_a_line_never_falls():
    cases = [c._replace(dice=1 - c.agreement) for c in make_cases(**FAR)]
    assert fit_model(cases).slope == 0


def test_a_domain_does_not_help_to_expect_its_own_dice():
    cases = make_cases(**FAR)
    other = [c._replace(dice=0.05) if c.domain == "a" else c for c in cases]
    before, after = expect_each(cases), expect_each(other)
    for case, one, two in zip(cases, before, after, strict=True):
        assert (one == two) == (case.domain == "a")


def test_one_seed_has_no_agreement_and_the_mean_is_expected():
    cases = [case._replace(agreement=None, dice=0.7) for case in make_cases()]
    model = fit_model(cases)
    assert model.slope == 0
    assert model.expect(None).value == pytest.approx(0.7)
    line = fit_model(make_cases(**FAR))
    assert line.expect(None) is None


def test_two_domains_leave_one_to_learn_from_whose_subjects_make_the_interval():
    expected = expect_each(make_cases("ab", **FAR))
    assert all(one is not None and one.high > one.low for one in expected)


def test_one_domain_alone_reaches_as_far_as_its_gap():
    alike = [c._replace(dice=0.7 if c.held_out else 0.9) for c in make_cases("a")]
    gap = to_log_odds(0.9) - to_log_odds(0.7)
    assert fit_model(alike).reach == pytest.approx(gap)
    two = [c._replace(dice=0.7 if c.held_out else 0.9) for c in make_cases("ab")]
    assert fit_model(two).reach == pytest.approx(0, abs=1e-9)


def test_a_study_that_left_nothing_out_has_no_line():
    assert fit_model([]) is None
    assert fit_model([c for c in make_cases() if not c.held_out]) is None
    assert fit_model(make_cases("a", subjects=1)) is None


def test_the_interval_is_of_domains_not_of_scans():
    many = [("a", 0.1)] * 99 + [("b", 0.5)]
    assert conformal_reach(many) == 0.5
    domains = [(str(n), float(n)) for n in range(GUARANTEED_DOMAINS + 10)]
    assert conformal_reach(domains) == 17.0  # 90 % of 20 places: the 18th of 19
    few = [(str(n), float(n)) for n in range(GUARANTEED_DOMAINS - 1)]
    assert conformal_reach(few) == max(error for _, error in few)


def test_a_line_comes_back_from_json_and_others_are_refused():
    model = fit_model(make_cases(**FAR))
    assert DiceModel.from_json(model.to_json()) == model
    with pytest.raises(ValueError, match="no line"):
        DiceModel.from_json(model.to_json() | {"reach": float("nan")})
