"""Differences of independent studies, and why some studies have none."""

import re
from dataclasses import replace

import numpy as np
import pytest

from medinorm.errors import StageError
from medinorm.records.environment import Environment
from medinorm.report.tables.other_study import (
    Value,
    compare_settings,
    find_obstacle,
    read_study,
    subtract,
)
from tests.report.beyond_means import write_unseen

NONE = Value(None, None, None)


@pytest.fixture
def study(fake_study):
    """What is compared of a fabricated study."""
    made = fake_study()
    write_unseen(made)
    return read_study(made.root / "evidence")


def test_the_interval_of_a_difference_covers_as_often_as_it_should():
    """The ends of both studies are those of a normal mean with its known error."""
    rng = np.random.default_rng(0)
    errors, truths, reach = (0.02, 0.05), (0.8, 0.7), 1.96
    inside = 0
    for _ in range(2000):
        here, there = (
            Value(m := rng.normal(truth, se), m - reach * se, m + reach * se)
            for truth, se in zip(truths, errors, strict=True)
        )
        found = subtract(here, there)
        inside += found.low <= truths[0] - truths[1] <= found.high
    assert 0.935 < inside / 2000 < 0.965


def test_a_skewed_interval_stays_skewed_and_turns_with_the_studies():
    here, there = Value(0.8, 0.6, 0.82), Value(0.7, 0.69, 0.71)
    found, turned = subtract(here, there), subtract(there, here)
    assert found.value - found.low > 5 * (found.high - found.value)
    assert turned == pytest.approx((-found.value, -found.high, -found.low))


def test_what_is_not_known_has_no_difference():
    assert subtract(Value(0.8, 0.7, 0.9), NONE) == NONE
    assert subtract(Value(0.8, None, None), Value(0.5, 0.4, 0.6))[1:] == (None, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"verdict": {"ranked": False, "reason": "few seeds"}},
            "not ranked: few seeds",
        ),
        ({"verdict": {"domain": ("vendor",)}}, r"\(scanner here, vendor there\)"),
        ({"labels": frozenset({7})}, "other labels"),
        ({"summary": ()}, "no variant in common"),
        ({"unseen": ()}, "no unseen domain in common"),
        ({"verdict": {"confidence": 0.9}}, "other levels"),
    ],
)
def test_studies_that_are_not_alike_are_not_compared(study, change, reason):
    verdict = replace(study.verdict, **change.pop("verdict", {}))
    other = replace(study, **change | {"verdict": verdict})
    assert re.search(reason, find_obstacle(study, other))


def test_a_study_may_be_compared_with_itself(study):
    assert find_obstacle(study, study) == ""


def test_settings_that_differ_are_named(study):
    def recorded(**configuration):
        names = ("date", "version", "commit", "software", "system", "processor")
        facts = dict.fromkeys(names, "") | {"software": {}, "cores": 1}
        environment = Environment(
            **facts,
            memory_gib=1.0,
            cards=(),
            configuration=configuration,
            configuration_hash="",
        )
        return replace(study, environment=environment)

    here = recorded(train={"steps": 300, "norm": "batch"}, seeds=[0, 1, 2])
    there = recorded(train={"steps": 500, "norm": "batch"}, seeds=[0, 1], extra={})
    assert compare_settings(here, there) == [
        ("seeds", "[0, 1, 2]", "[0, 1]"),
        ("train.steps", "300", "500"),
        ("extra", "none", "{}"),
    ]
    assert compare_settings(here, replace(study, environment=None)) is None


def test_a_folder_without_a_comparison_is_named_by_its_flag(tmp_path):
    with pytest.raises(StageError, match="--against: there is no verdict") as caught:
        read_study(tmp_path)
    assert str(tmp_path) not in str(caught.value)
