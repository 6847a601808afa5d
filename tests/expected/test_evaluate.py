"""Each variant has its line, its errors by domain, and what limits them."""

import pytest

from medinorm.expected.evaluate import evaluate_variants
from medinorm.expected.predicted import MeasuredScan
from medinorm.expected.records import ALL_DOMAINS
from medinorm.records.scans import SplitRow
from medinorm.variant import Variant
from tests.expected.cases import make_cases

ONE = Variant("zscore", "instance", "flip", "none")


def measured(cases, variant=ONE):
    return [
        MeasuredScan(
            variant=variant,
            row=SplitRow(
                *("lodo-x", "lodo", 0, case.subject, case.subject, case.domain, "test")
            ),
            in_domain=not case.held_out,
            seeds=3,
            agreement=case.agreement,
            sureness=0.9,
            dice=case.dice,
        )
        for case in cases
    ]


def test_errors_are_of_unseen_domains_and_of_all_together():
    cases = make_cases(step=0.2)
    (one,) = evaluate_variants(measured(cases))
    assert [row.domain for row in one.errors] == ["a", "b", "c", ALL_DOMAINS]
    total = one.errors[-1]
    assert total.scans == 12
    assert total.error < total.error_mean / 2
    assert total.covered == 1
    assert "3 domains and has no guarantee; that needs 9" in total.note
    assert one.errors[0].note is None
    assert len(one.scans) == len(cases)
    for row in one.scans:
        assert row.low <= row.expected <= row.high


def test_variants_do_not_learn_from_each_other():
    other = ONE._replace(norm="batch")
    scans = measured(make_cases(step=0.2))
    poor = measured(make_cases(step=0.2, lost=0.15), other)
    first, second = evaluate_variants([*scans, *poor])
    assert first.model == evaluate_variants(scans)[0].model
    assert second.model.expect(0.8).value < first.model.expect(0.8).value


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"domains": "a"}, "too few domains were left out"),
        ({"domains": "ab", "subjects": 1}, "the interval rests on 2 domains"),
    ],
)
def test_little_is_said_with_little(change, note):
    (one,) = evaluate_variants(measured(make_cases(**change)))
    assert note in one.errors[-1].note


def test_one_seed_is_said():
    cases = [case._replace(agreement=None) for case in make_cases()]
    (one,) = evaluate_variants(measured(cases))
    assert one.errors[-1].note.startswith("one seed has no agreement")
    assert one.errors[-1].error is not None
