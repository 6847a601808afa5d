"""What Dice varies with, and which share of the gap a variant recovers."""

from collections.abc import Iterator

from markupsafe import Markup

from medinorm.report.findings import ReportFindings
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.beyond_means import BeyondMeans, read_beyond_means
from medinorm.report.tables.cells import Column, Table, estimate, number, word

_SOURCES = {
    "domain": "{one}",
    "variant x domain": "variant on one {one} rather than another",
    "subject": "subject",
    "variant x subject": "variant on one subject rather than another",
    "network": "training (seed)",
    "rest": "rest",
}

_TEMPLATE = """\
{% for sentence in sentences %}<p>{{ sentence }}</p>
{% endfor %}
{% if components.rows %}{{ show_table(components) }}{% endif %}
{% if recovered.rows %}<h3>Share of the gap that is recovered</h3>
{{ show_table(recovered) }}{% endif %}
"""


@section("components", "What Dice varies with", order=35)
def write_components(inputs: ReportInputs) -> Markup | None:
    """Components of the variance and recovered shares; left out without any."""
    findings = inputs.findings
    tables = read_beyond_means(inputs.evidence)
    if not tables.components and not tables.recovered:
        return None
    return write_html(
        _TEMPLATE,
        sentences=list(_say(findings, tables)),
        components=tabulate_components(findings, tables),
        recovered=tabulate_recovered(findings, tables),
    )


def tabulate_components(findings: ReportFindings, tables: BeyondMeans) -> Table:
    """Standard deviation of each random effect."""
    rows = [
        [
            word(_SOURCES[row.source].format(one=findings.noun.one)),
            number(row.standard_deviation, 3),
            number(row.df, 0),
        ]
        for row in tables.components
        if row.source in _SOURCES
    ]
    columns = (
        Column("Dice varies with the", numeric=False),
        Column("Standard deviation", "Dice"),
        Column("Degrees of freedom"),
    )
    return Table(
        f"Mixed model of the Dice on {findings.noun.many} never seen: fixed variants, "
        f"random {findings.noun.many}, subjects, trainings and their interactions.",
        columns,
        rows,
    )


def tabulate_recovered(findings: ReportFindings, tables: BeyondMeans) -> Table:
    """The share of the reference's gap that each variant recovers."""
    rows = []
    order = {variant: place for place, variant in enumerate(findings.variants)}
    for row in sorted(tables.recovered, key=lambda row: order[row.variant]):
        share = estimate(
            row.recovered, row.recovered_low, row.recovered_high, signed=True
        )
        rows.append(
            [word(findings.names[row.variant], "name"), share, word(row.note)],
        )
    columns = (
        Column("Variant", numeric=False),
        Column("Share recovered", f"1: all of the gap; {findings.level} interval"),
        Column("Note", numeric=False),
    )
    reference = (
        findings.names[tables.recovered[0].reference] if tables.recovered else ""
    )
    return Table(
        f"Which share of the gap of {reference} each variant recovers, on the same "
        "scans. Below 0 it is worse; above 1 it is better than the reference was where "
        f"that had trained on the {findings.noun.one}.",
        columns,
        rows,
    )


def _say(findings: ReportFindings, tables: BeyondMeans) -> Iterator[str]:
    """What the model says about further domains, or why there is none."""
    for row in tables.components:
        if row.source == "refused":
            yield f"There is no mixed model of the Dice: {row.note}."
        if row.source == "variant" and row.p is not None:
            level = 1 - findings.verdict.confidence
            differ = "differ" if row.p <= level else "are not shown to differ"
            p = "p < 0.001" if row.p < 0.001 else f"p = {row.p:.3f}"
            yield (
                f"On {findings.noun.many} like these the variants {differ} ({p}, "
                f"tested against how much they change places from {findings.noun.one} "
                f"to {findings.noun.one})."
            )
