"""Which variant, trained where, on which domain."""

from dataclasses import replace

import pytest

from medinorm.records.evidence import MEAN
from medinorm.report.figures.svg import ABSENT
from medinorm.report.tables.train_to_test import tabulate_highest, tabulate_tested


@pytest.fixture
def findings(fake_study):
    return fake_study(designs=("lodo", "pooled", "single")).inputs().findings


def mean_rows(findings, domain):
    return [
        row for row in findings.domains if (row.label, row.domain) == (MEAN, domain)
    ]


def test_each_cell_names_the_variant_with_the_highest_dice(findings):
    table = tabulate_highest(findings)
    domains = findings.domain_names
    assert [column.name for column in table.columns] == ["Trained on", *domains]
    shown = 0
    for place, domain in enumerate(domains, start=1):
        groups = {}
        for row in mean_rows(findings, domain):
            groups.setdefault(row.train_set, []).append(row)
        cells = [row[place] for row in table.rows if row[place].text != ABSENT]
        firsts = {
            (findings.names[max(rows, key=lambda row: row.dice).variant])
            for rows in groups.values()
        }
        assert len(cells) == len(groups)
        assert {cell.text for cell in cells} == firsts
        shown += len(cells)
    assert shown


def test_the_lead_and_what_was_never_seen_are_said(findings):
    domain = findings.domain_names[0]
    rows = [
        row
        for row in mean_rows(findings, domain)
        if row.design == "lodo" and not row.in_domain
    ]
    first, second = sorted((row.dice for row in rows), reverse=True)[:2]
    details = [row[1].detail for row in tabulate_highest(findings).rows]
    assert f"{first:.3f}, ahead by {first - second:.3f}, never seen" in details
    assert any("never seen" not in detail for detail in details if detail)


def test_all_variants_of_one_domain_have_their_numbers(findings):
    domain = findings.domain_names[1]
    table = tabulate_tested(findings, domain)
    assert [row[0].text for row in table.rows] == [
        findings.names[variant] for variant in findings.variants
    ]
    sets = {row.train_set for row in mean_rows(findings, domain)}
    assert len(table.columns) == 1 + len(sets)
    units = [column.unit for column in table.columns[1:]]
    assert {*units} == {"never seen", "seen in training"}
    wanted = sorted(f"{row.dice:.3f}" for row in mean_rows(findings, domain))
    assert sorted(cell.text for row in table.rows for cell in row[1:]) == wanted


def test_a_variant_without_a_score_has_a_dash(findings):
    domain = findings.domain_names[0]
    gone = findings.variants[-1]
    left = replace(
        findings, domains=tuple(row for row in findings.domains if row.variant != gone)
    )
    assert all(
        cell.text == ABSENT for cell in tabulate_tested(left, domain).rows[-1][1:]
    )
    names = {cell.text for row in tabulate_highest(left).rows for cell in row[1:]}
    assert findings.names[gone] not in names
