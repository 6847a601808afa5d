"""What Dice to expect of a scan without a label map, and how often that was right."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from markupsafe import Markup

from medinorm.domain_noun import count_noun
from medinorm.expected.records import (
    ALL_DOMAINS,
    GUARANTEED_DOMAINS,
    LEVEL,
    ExpectedErrorRow,
    ExpectedScanRow,
)
from medinorm.files.records import read_records
from medinorm.report.figures.scatter_plot import ExpectedPoint, draw_expected
from medinorm.report.findings import ReportFindings
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.cells import Column, Table, number, word
from medinorm.variant import Variant

_TEMPLATE = """\
{% for sentence in sentences %}<p>{{ sentence }}</p>
{% endfor %}
{% if figure %}<figure><div class="scroll" tabindex="0" role="region" \
aria-label="Expected and observed Dice">{{ figure }}</div>
<figcaption>{{ caption }}</figcaption></figure>{% endif %}
{{ show_table(table, table.rows|length > 24) }}
"""


@section(
    "expected-dice",
    "Dice to expect",
    order=93,
    heading="What Dice do I expect on a scan without labels?",
)
def write_expected_dice(inputs: ReportInputs) -> Markup | None:
    """The figure of the variant that is deployed, and the errors of all."""
    scans, errors = read_expected(inputs.evidence)
    if not errors:
        return None
    findings = inputs.findings
    shown = choose_shown(findings, errors)
    own = [row for row in scans if row.variant == shown and not row.in_domain]
    points = [
        ExpectedPoint(row.domain, row.expected, row.low, row.high, row.dice)
        for row in own
        if row.expected is not None and row.low is not None and row.high is not None
    ]
    name = findings.names.get(shown, shown.name)
    return write_html(
        _TEMPLATE,
        sentences=list(describe_errors(findings, errors, shown)),
        figure=draw_expected(points, f"Expected and observed Dice of {name}")
        if points
        else None,
        caption=f"Each scan of {findings.noun.many} that the networks of {name} never "
        f"saw. What was expected of a {findings.noun.one} was learned on the others.",
        table=tabulate_expected(findings, errors),
    )


def read_expected(
    evidence: Path,
) -> tuple[list[ExpectedScanRow], list[ExpectedErrorRow]]:
    """The tables; empty in studies of earlier versions.

    Args:
        evidence: folder of the comparison's tables.
    """
    scans, errors = evidence / "expected_scans.tsv", evidence / "expected_errors.tsv"
    if not (scans.exists() and errors.exists()):
        return [], []
    return read_records(scans, ExpectedScanRow), read_records(errors, ExpectedErrorRow)


def choose_shown(
    findings: ReportFindings, errors: Sequence[ExpectedErrorRow]
) -> Variant:
    """The best variant of the verdict, or that with the highest out-of-domain Dice."""
    known = {row.variant for row in errors}
    wanted = (*findings.verdict.best, *findings.variants)
    return next((one for one in wanted if one in known), errors[0].variant)


def describe_errors(
    findings: ReportFindings, errors: Sequence[ExpectedErrorRow], shown: Variant
) -> Iterator[str]:
    """How far expected and observed Dice were apart, in sentences."""
    noun = findings.noun
    yield (
        "Networks that differ by their seed only make different errors. Where their "
        "label maps agree, they are mostly right. This study has learned how much Dice "
        f"follows from their agreement, and has tested it on each {noun.one} without "
        f"using any scan of that {noun.one}."
    )
    rows = [r for r in errors if r.variant == shown and r.domain == ALL_DOMAINS]
    for row in rows:
        if row.error is None:
            yield f"For this variant nothing can be expected: {row.note}."
            continue
        yield (
            f"For {findings.names.get(shown, shown.name)}, expected and observed Dice "
            f"differed by {row.error:.3f} on average over "
            f"{count_noun(row.scans, 'scan')}. Expecting the mean of the other "
            f"{noun.many} would have been off by {row.error_mean or 0:.3f}."
        )
        if row.covered is not None:
            yield (
                f"{row.covered:.0%} of the scans had their Dice in the {LEVEL:.0%} "
                f"interval, which was {row.width or 0:.2f} wide on average."
            )
        if row.note:
            yield f"{row.note[0].upper()}{row.note[1:]}."


def tabulate_expected(
    findings: ReportFindings, errors: Sequence[ExpectedErrorRow]
) -> Table:
    """One row for each variant and domain."""
    columns = (
        Column("Variant", numeric=False),
        Column(findings.noun.one.capitalize(), numeric=False),
        Column("Scans"),
        Column("Error", "Dice, mean"),
        Column("Error of the mean", "Dice, mean"),
        Column("In the interval", "%"),
        Column("Width", "Dice, mean"),
    )
    rows = [
        [
            word(findings.names.get(row.variant, row.variant.name), "name"),
            word(row.domain),
            number(row.scans, 0),
            number(row.error, 3),
            number(row.error_mean, 3),
            number(None if row.covered is None else 100 * row.covered, 0),
            number(row.width, 2),
        ]
        for row in errors
    ]
    return Table(
        f"How far expected and observed Dice were apart, on {findings.noun.many} that "
        "neither the networks nor the expectation knew. Error of the mean: if the mean "
        f"Dice on the other {findings.noun.many} were expected. A guarantee for a "
        f"further {findings.noun.one} needs {GUARANTEED_DOMAINS} {findings.noun.many}.",
        columns,
        rows,
    )
