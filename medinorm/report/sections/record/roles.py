"""Who trained on what: the scans and subjects of each split and domain, by role."""

from collections import defaultdict

from markupsafe import Markup

from medinorm.report.figures.svg import ABSENT
from medinorm.report.findings import ReportFindings, distinct
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.cells import Cell, Column, Table, word

_ROLES = ("train", "validation", "test")  # scans without label maps have none of them

_TEMPLATE = """\
<p>Rows: the network of one split. Columns: the {{ noun.many }}. Each cell: scans \
(subjects) that trained, that chose weights, and that tested. A network that has no \
training scans of {{ noun.with_article }} never saw it.</p>
{{ show_table(table, table.rows|length > 24) }}
"""


@section("roles", "Who trained on what", order=114)
def write_roles(inputs: ReportInputs) -> Markup:
    """The matrix of splits and domains."""
    findings = inputs.findings
    table = tabulate_roles(findings)
    return write_html(_TEMPLATE, noun=findings.noun, table=table)


def tabulate_roles(findings: ReportFindings) -> Table:
    """One row a split, one column a domain: scans and subjects in each role."""
    scans: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    subjects: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in findings.splits:
        key = (row.split, row.domain, row.role)
        scans[key].add(row.scan)
        subjects[key].add(row.subject)

    def describe(split: str, domain: str) -> Cell:
        parts = [
            f"{len(scans[key])} ({len(subjects[key])})" if scans[key] else ABSENT
            for key in ((split, domain, role) for role in _ROLES)
        ]
        return word(" / ".join(parts))

    columns = [
        Column(name, numeric=False) for name in ("Split", *findings.domain_names)
    ]
    rows = [
        [
            word(split, "name"),
            *(describe(split, name) for name in findings.domain_names),
        ]
        for split in distinct(row.split for row in findings.splits)
    ]
    return Table(
        "Scans (subjects) in training / validation / test of each split.", columns, rows
    )
