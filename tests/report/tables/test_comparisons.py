"""Differences turn, ranks have intervals, settings that differ are named."""

import math
from dataclasses import replace

import pytest

from medinorm.report.figures.svg import ABSENT
from medinorm.report.tables.comparisons import (
    compare_with,
    find_unequal,
    tabulate_differences,
    tabulate_fairness,
    tabulate_ranking,
)


@pytest.fixture
def findings(fake_study):
    """The tables of a fabricated study."""
    return fake_study().findings()


def test_every_difference_with_the_best_reads_from_the_best(findings):
    last = findings.variants[-1]
    rows = compare_with(findings, last)
    assert len(rows) == len(findings.variants) - 1
    table = tabulate_differences(findings, rows)
    for cells in table.rows:
        assert cells[0].text == findings.names[last]
        assert cells[2].text == "\N{MINUS SIGN}0.031"
        assert cells[2].detail == "\N{MINUS SIGN}0.043 to \N{MINUS SIGN}0.019"
        assert cells[5].text == "worse"
        assert cells[7].text == "undecided"


def test_what_further_scanners_may_bring_is_beside_what_these_did(findings):
    row = replace(
        findings.differences[0],
        next_low=-0.05,
        next_high=0.2,
        further_verdict="equivalent",
    )
    table = tabulate_differences(findings, [row])
    assert [column.name for column in table.columns][5:] == [
        "Verdict on these scanners",
        "Next scanner",
        "Verdict on further scanners",
    ]
    texts = [cell.text for cell in table.rows[0][6:]]
    assert texts == ["\N{MINUS SIGN}0.05 to +0.20", "equivalent"]
    assert "if the truth were within 0.01 Dice, the margin" in table.caption


def test_the_chance_of_being_best_is_about_these_scanners(findings):
    first = replace(
        findings.ranking[0], corrected=0.7, corrected_low=0.6, corrected_high=0.75
    )
    table = tabulate_ranking(replace(findings, ranking=(first,)))
    assert table.columns[3].name == "Chance of being best on these scanners"
    assert "Other scanners may rank the variants differently." in table.caption
    assert "is 0.700 (0.600 to 0.750)." in table.caption


def test_ranks_show_their_chance_and_their_interval(findings):
    rows = [[cell.text for cell in cells] for cells in tabulate_ranking(findings).rows]
    assert rows[1][0] == "2"
    assert rows[1][3:] == ["44%", "1 to 2"]


def test_costs_are_numbers_and_settings_are_as_recorded(findings):
    first = replace(findings.fairness[0], steps="10 / 300", peak_memory_mb=None)
    table = tabulate_fairness(replace(findings, fairness=(first,)))
    assert [column.name for column in table.columns][:5] == [
        "Variant",
        "Runs",
        "Time per step",
        "Peak memory",
        "Parameters",
    ]
    ((_, *cells),) = table.rows
    assert [cell.text for cell in cells] == [
        *("12", "0.0421", ABSENT, "123,456", "10 / 300", "0.003", ABSENT),
        ABSENT,
    ]
    assert cells[3].sort == 123456
    assert math.isnan(cells[2].sort)


def test_settings_that_differ_are_named(findings):
    assert find_unequal(findings) == []
    first, *others = findings.fairness
    uneven = replace(findings, fairness=(replace(first, steps="10"), *others))
    assert find_unequal(uneven) == ["steps"]
