"""This study beside another one, where `--against` names it."""

from collections.abc import Iterator

from markupsafe import Markup

from medinorm.domain_noun import count_noun
from medinorm.records.beyond_means import UnseenDomainRow
from medinorm.records.evidence import SummaryRow
from medinorm.report.findings import ReportFindings
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.cells import Cell, Column, Table, estimate, number, word
from medinorm.report.tables.other_study import (
    StudyEvidence,
    Value,
    compare_settings,
    find_obstacle,
    read_study,
    subtract,
)
from medinorm.variant import Variant, name_variants

_TALL = 24  # rows of a table that scrolls by itself

_TEMPLATE = """\
{% if obstacle %}
<div class="banner" role="note"><strong>Not compared.</strong> The reason: \
{{ obstacle }}.</div>
{% endif %}
{% for sentence in sentences %}<p>{{ sentence }}</p>
{% endfor %}
{{ show_table(variants, variants.rows|length > tall) }}
{% if domains.rows %}
<details{{ " open" if domains.rows|length <= tall }}><summary>\
Each {{ noun.one }} by itself</summary>
{{ show_table(domains, domains.rows|length > tall) }}</details>
{% endif %}
<h3>What differs in the configuration</h3>
{% if settings is none %}
<p class="note">Not known: the configuration of one of both was not recorded.</p>
{% elif not settings.rows %}
<p>Nothing.</p>
{% else %}
{{ show_table(settings, settings.rows|length > tall) }}
{% endif %}
"""


@section("against", "Another study", order=8, heading="Beside another study")
def write_against(inputs: ReportInputs) -> Markup | None:
    """Means, differences and settings of two studies; left out without another."""
    if inputs.against is None:
        return None
    findings = inputs.findings
    here, there = read_study(inputs.evidence), read_study(inputs.against)
    obstacle = find_obstacle(here, there)
    return write_html(
        _TEMPLATE,
        obstacle=obstacle,
        noun=findings.noun,
        sentences=[
            text.format(one=findings.noun.one, many=findings.noun.many)
            for text in _say(here, there, compared=not obstacle)
        ],
        variants=tabulate_variants(findings, (here, there), compared=not obstacle),
        domains=tabulate_domains(findings, (here, there), compared=not obstacle),
        settings=_tabulate_settings(here, there),
        tall=_TALL,
    )


def tabulate_variants(
    findings: ReportFindings,
    studies: tuple[StudyEvidence, StudyEvidence],
    *,
    compared: bool,
) -> Table:
    """Out-of-domain Dice of each variant in both studies.

    Args:
        findings: of this study.
        studies: this and the other.
        compared: whether differences may be shown.
    """
    here, there = studies
    names = name_variants(row.variant for study in studies for row in study.summary)
    rows = {row.variant: row for row in here.summary}
    others = {row.variant: row for row in there.summary}
    ours = [row.variant for row in findings.summary]
    alike = compared and here.domains == there.domains
    return Table(
        f"Mean Dice on {findings.noun.many} never seen, with {findings.level} "
        f"intervals.{_explain(alike)}",
        _columns("Variant"),
        [
            [
                word(names[variant], "name"),
                *_cells(
                    _mean(rows.get(variant)), _mean(others.get(variant)), show=alike
                ),
            ]
            for variant in (*ours, *(v for v in others if v not in rows))
        ],
    )


def tabulate_domains(
    findings: ReportFindings,
    studies: tuple[StudyEvidence, StudyEvidence],
    *,
    compared: bool,
) -> Table:
    """The same for each unseen domain that both have; arguments as above."""
    here, there = studies
    others = {(row.domain, row.variant): row for row in there.unseen}
    common = [row for row in here.unseen if (row.domain, row.variant) in others]
    order = {variant: place for place, variant in enumerate(findings.variants)}
    common.sort(key=lambda row: (row.domain, order[row.variant]))
    rows = []
    for row in common:
        other = others[row.domain, row.variant]
        name = word(findings.names[row.variant], "name")
        cells = _cells(_mean(row), _mean(other), show=compared)
        scans = number(row.scans, 0), number(other.scans, 0)
        rows.append([word(row.domain), name, *cells, *scans])
    columns = (
        Column("Tested on", numeric=False),
        *_columns("Variant"),
        Column("Scans here"),
        Column("Scans there"),
    )
    return Table(
        f"Dice on each {findings.noun.one} that both studies held out, with "
        f"{findings.level} intervals.{_explain(compared)}",
        columns,
        rows,
    )


def _columns(first: str) -> tuple[Column, ...]:
    """The heads of both tables."""
    return (
        Column(first, numeric=False),
        Column("This study", "Dice"),
        Column("The other study", "Dice"),
        Column("Difference", "this minus the other"),
    )


def _explain(shown: bool) -> str:
    """How to read a difference, where there are any."""
    if not shown:
        return ""
    return (
        " The interval of a difference takes the studies to be independent; with the "
        "same test subjects it is too wide. It is not corrected for the number of "
        "comparisons."
    )


def _cells(here: Value, there: Value, *, show: bool) -> list[Cell]:
    """Two values, and their difference if it may be shown."""
    difference = subtract(here, there) if show else Value(None, None, None)
    return [estimate(*here), estimate(*there), estimate(*difference, signed=True)]


def _mean(row: SummaryRow | UnseenDomainRow | None) -> Value:
    """The Dice of a row."""
    if row is None:
        return Value(None, None, None)
    if isinstance(row, SummaryRow):
        return Value(row.out_domain, row.out_domain_low, row.out_domain_high)
    return Value(row.dice, row.dice_low, row.dice_high)


def _say(here: StudyEvidence, there: StudyEvidence, *, compared: bool) -> Iterator[str]:
    """What the studies have in common, and what they do not."""
    ours, theirs = ([row.variant for row in study.summary] for study in (here, there))
    common = [variant for variant in ours if variant in theirs]
    both = here.domains & there.domains
    yield (
        f"In both studies, matched by name: {count_noun(len(common), 'variant')}, "
        f"{len(both)} of the unseen {{many}}. In this study alone: "
        f"{count_noun(len(ours) - len(common), 'variant')}; in the other alone: "
        f"{count_noun(len(theirs) - len(common), 'variant')}."
    )
    if not compared:
        return
    if here.domains != there.domains:
        alone = ", ".join(sorted(here.domains ^ there.domains))
        yield (
            "Their means are over other {many}, so that there is no difference of "
            f"means: {_escape(alone)} in one of both only. Compare {{one}} by {{one}}."
        )
    yield _say_scans(here, there, common)


def _say_scans(here: StudyEvidence, there: StudyEvidence, common: list[Variant]) -> str:
    """Whether as many scans were tested."""
    counts = [
        {row.domain: row.scans for row in study.unseen if row.variant in common}
        for study in (here, there)
    ]
    both = counts[0].keys() & counts[1].keys()
    if any(counts[0][name] != counts[1][name] for name in both):
        return (
            "They tested other scans of the same {many}: a part of each difference may "
            "be the scans."
        )
    return (
        "They tested equally many scans of each of the {many}; whether these are the "
        "same scans is not known."
    )


def _escape(text: str) -> str:
    """A text whose braces are no places to be filled."""
    return text.replace("{", "{{").replace("}", "}}")


def _tabulate_settings(here: StudyEvidence, there: StudyEvidence) -> Table | None:
    """The settings that differ."""
    settings = compare_settings(here, there)
    if settings is None:
        return None
    columns = tuple(
        Column(name, numeric=False)
        for name in ("Setting", "This study", "The other study")
    )
    rows = [[word(text) for text in row] for row in settings]
    return Table("Settings of the two studies that are not the same.", columns, rows)
