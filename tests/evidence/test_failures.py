"""Each kind of failure is judged, counted and said."""

import pytest

from medinorm.columns.cases import Cases
from medinorm.evidence.failures import (
    KINDS,
    count_failures,
    judge_failure,
    say_failures,
    tabulate_failures,
)
from medinorm.files.records import read_records
from medinorm.records.evidence import CaseRow, FailureRow
from medinorm.records.scores import ScoreRow
from medinorm.variant import Variant

VARIANT = Variant("zscore", "batch", "flip", "none")


def score(label=10, prediction=12, dice=0.5, state="scored", scan="a", value=1):
    """A score; the counts are voxels."""
    known = {"dice": dice}
    counts = label, prediction
    return ScoreRow(VARIANT, "lodo-a", 0, scan, value, state, known, *counts, 0.5)


MISSING = score(prediction=None, dice=0.0, state="missing")
MISSED = score(prediction=0, dice=0.0)
FALSE = score(label=0, prediction=6, dice=0.0, state="false_positive")
REJECTED = score(label=0, prediction=0, dice=None, state="empty")
APART = score(dice=0.0)


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (MISSING, "missing"),
        (MISSED, "missed"),
        (FALSE, "false_positive"),
        (APART, "low"),
        (score(dice=0.4999), "low"),
        (score(dice=0.5), "none"),
        (REJECTED, "none"),
        (score(label=0, prediction=None, dice=0.0, state="missing"), "missing"),
    ],
)
def test_each_kind_of_failure(row, kind):
    assert judge_failure(row, 0.5) == kind


def test_without_a_limit_a_low_dice_is_no_failure():
    assert [judge_failure(row, 0.0) for row in (APART, MISSED)] == ["none", "missed"]


def cases(*rows):
    """Cases of one domain, judged at 0.5."""
    facts = ("lodo", 0, "lodo-a", "1", "a", False)
    return Cases.of(CaseRow(row, *facts, judge_failure(row, 0.5)) for row in rows)


def test_kinds_are_counted_apart_and_know_how_many_could_have_failed_so():
    rows = [
        score(scan="a"),
        score(scan="a", value=2, dice=0.1),
        score(scan="b", dice=0.2),
        score(scan="b", value=2, dice=0.3),
        *(MISSED, FALSE, REJECTED, MISSING),
    ]
    table = {row.kind: row for row in tabulate_failures(cases(*rows))}
    assert tuple(table) == KINDS
    counts = {
        kind: (row.failures, row.possible, row.predictions)
        for kind, row in table.items()
    }
    assert counts == {
        "missing": (1, 8, 1),
        "missed": (1, 5, 1),
        "false_positive": (1, 2, 1),
        "low": (3, 5, 2),
    }
    volumes = [row.volume_ml for row in table.values()]
    assert volumes == [None, None, 3.0, None]  # 6 voxels of 0.5 ml


def test_the_table_is_written_for_each_variant_and_domain(study):
    for row in study.rows:
        if row["norm"] == "batch" and row["scan"] == "ge0" and row["seed"] == 0:
            row |= {"dice": 0.3}
    table = read_records(study.compare() / "failures.tsv", FailureRow)
    counts = {
        (row.design, row.in_domain): (row.failures, row.predictions, row.possible)
        for row in table
        if row.kind == "low" and row.domain == "ge" and row.variant.norm == "batch"
    }
    assert counts["pooled", True] == (2, 1, 48)  # 6 scans, 4 seeds, 2 labels
    # Its mean Dice on unseen domains is 0.45: most fail there.
    assert counts["lodo", False][0] > 24


def test_no_low_dice_is_called_none_failed():
    low = cases(score(dice=0.499))
    assert say_failures(count_failures(low), 0.5).startswith("1 of 1 predictions")
    assert "a Dice below 0.5: 1" in say_failures(count_failures(low), 0.5)
    said = say_failures(count_failures(cases(score(), REJECTED)), 0.5)
    assert said.startswith("None of 1 predictions failed")
    assert "none has a Dice below 0.5" in said


def test_the_verdict_counts_low_dice(study, read_json):
    verdict = read_json(study.compare() / "verdict.json")
    low = sum(
        1
        for row in read_records(study.folder / "evidence" / "cases.tsv", CaseRow)
        if row.failure == "low"
    )
    assert low
    assert verdict["failures"] > 0
    assert "a Dice below 0.5" in verdict["sentences"][-1]
    assert read_json(study.compare(failure=0.0) / "verdict.json")["failures"] == 0
