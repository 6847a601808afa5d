"""Each variant has its numbers; domains have equal weight."""

from dataclasses import replace

import pytest

from medinorm.report.figures.svg import ABSENT
from medinorm.report.tables.scores import (
    explain_next_domain,
    tabulate_gaps,
    tabulate_labels,
    tabulate_summary,
)


@pytest.fixture
def findings(fake_study):
    """The tables of a fabricated study."""
    return fake_study().findings()


def test_best_and_those_not_worse_than_it_are_marked(findings):
    details = [cells[0].detail for cells in tabulate_summary(findings).rows]
    assert details == ["best", "not shown to be worse", "", "", ""]


def test_label_means_give_domains_equal_weight(findings):
    variant = findings.variants[0]
    rows = [
        row.dice
        for row in findings.domains
        if row.variant == variant
        and (row.design, row.in_domain, row.label) == ("lodo", False, "2")
    ]
    assert len(rows) == 3
    (cells,) = (
        cells
        for cells in tabulate_labels(findings).rows
        if (cells[0].text, cells[1].text) == (findings.names[variant], "gray matter")
    )
    assert cells[3].text == f"{sum(rows) / 3:.3f}"


def test_an_absent_gap_is_a_dash(findings):
    one = replace(findings, gaps=findings.gaps[:2])
    table = tabulate_gaps(one)
    assert [column.name for column in table.columns[1:]] == sorted(
        row.domain for row in one.gaps
    )
    assert [cell.text for cell in table.rows[0][1:]] == ["+0.050", "+0.050"]
    assert [cell.text for cell in table.rows[1][1:]] == [ABSENT, ABSENT]
    assert tabulate_gaps(replace(findings, gaps=())).rows == []


def test_the_next_domain_is_explained_as_far_as_it_is_known(findings):
    assert "4.97 standard deviations" in explain_next_domain(findings)
    first, *others = findings.summary
    unknown = replace(findings, summary=(replace(first, new_factor=None), *others))
    assert explain_next_domain(unknown).startswith("Too few scanners were held out")
