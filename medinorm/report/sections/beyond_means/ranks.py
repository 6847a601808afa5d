"""Ranks by other metrics and rules, how stable they are, and which pairs differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medinorm.records.beyond_means import RankAgreementRow, RankingRule, RankRow
from medinorm.records.metrics import METRICS
from medinorm.report.figures.rank_plot import RankShares, draw_rank_shares
from medinorm.report.findings import ReportFindings
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.beyond_means import (
    RULES,
    BeyondMeans,
    read_beyond_means,
)
from medinorm.report.tables.cells import Cell, Column, Table, interval, number, word
from medinorm.variant import Variant

_MAIN = ("dice", "mean_then_rank")  # the order of the verdict
_TITLE = "Probability of each rank, by mean Dice"
_SIGNS = {
    "better": "\N{BLACK UP-POINTING TRIANGLE} better",
    "worse": "\N{BLACK DOWN-POINTING TRIANGLE} worse",
    "equivalent": "= equivalent",
    "undecided": "? undecided",
}

_TEMPLATE = """\
{% for sentence in sentences %}<p>{{ sentence }}</p>
{% endfor %}
{% if figure %}<figure><div class="panels single"><div class="scroll" tabindex="0" \
role="region" aria-label="{{ title }}">{{ figure }}</div></div>\
<figcaption>{{ title }}: the area of a circle is the share of \
resampled seeds and subjects in which the variant has the rank. It holds for these \
{{ noun.many }}, not for others.</figcaption></figure>{% endif %}
{{ show_table(ranks) }}
{{ show_table(agreement, true) }}
<div class="scroll" tabindex="0" role="region" aria-label="{{ map_caption }}">
<table class="grid"><caption>{{ map_caption }}</caption>
<thead><tr><th scope="col" class="words">Variant</th>
{% for name in names %}<th scope="col" class="words">than {{ name }}</th>{% endfor %}
</tr></thead><tbody>
{% for row in significance %}<tr><th scope="row" class="words">{{ row.name }}</th>
{% for verdict in row.verdicts %}<td class="words {{ 'is-' ~ verdict if verdict }}">\
{{ signs.get(verdict, "") }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
"""


@dataclass(frozen=True)
class MapRow:
    """One variant against all others, in the order of the ranking.

    Args:
        name: what it is called.
        verdicts: of each difference; ``None`` where there is none.
    """

    name: str
    verdicts: Sequence[str | None]


@section("ranks", "Ranks", order=72, heading="How stable the ranks are")
def write_ranks(inputs: ReportInputs) -> Markup | None:
    """Ranks by metric and rule; left out where nothing is ranked."""
    findings = inputs.findings
    tables = read_beyond_means(inputs.evidence)
    ranked = [row.variant for row in findings.ranking]
    if not tables.ranks or not ranked:
        return None
    return write_html(
        _TEMPLATE,
        noun=findings.noun,
        sentences=list(_say(findings, tables)),
        figure=_draw(findings, tables, ranked),
        title=_TITLE,
        ranks=tabulate_ranks(findings, tables, ranked),
        agreement=tabulate_agreement(findings, tables),
        names=[findings.names[variant] for variant in ranked],
        significance=[_map_row(findings, variant, ranked) for variant in ranked],
        signs=_SIGNS,
        map_caption="Which pairs differ: the verdict on the variant of the row against "
        "that of the column, from the paired differences.",
    )


def tabulate_ranks(
    findings: ReportFindings, tables: BeyondMeans, ranked: Sequence[Variant]
) -> Table:
    """The rank of each variant by each metric and rule."""
    orders = list(dict.fromkeys((row.metric, row.rule) for row in tables.ranks))
    by_place = {(row.variant, row.metric, row.rule): row for row in tables.ranks}
    columns = (
        Column("Variant", numeric=False),
        *(Column(_title(metric), RULES[rule]) for metric, rule in orders),
    )
    rows = [
        [
            word(findings.names[variant], "name"),
            *(_rank_cell(by_place.get((variant, *order))) for order in orders),
        ]
        for variant in ranked
    ]
    return Table(
        f"Ranks by metric and rule, with the {findings.level} interval over resampled "
        "seeds and subjects (tests are not resampled). Equal variants share a rank.",
        columns,
        rows,
    )


def tabulate_agreement(findings: ReportFindings, tables: BeyondMeans) -> Table:
    """Kendall's tau between orders."""
    columns = (
        Column("Order", numeric=False),
        Column("compared with", numeric=False),
        Column("Kendall's tau", "1: the same order, 0: none in common"),
    )
    rows = []
    for row in tables.rank_agreement:
        one, other = (
            _name(row.metric, row.rule),
            _name(row.other_metric, row.other_rule),
        )
        tau = number(row.tau, 2)
        ends = interval(row.tau_low, row.tau_high)
        same = "its resamples (mean)" if one == other else other
        rows.append([word(one), word(same), Cell(tau.text, tau.sort, ends)])
    return Table(
        "How well two orders of the variants agree; of one order with its resamples, "
        f"how stable it is ({findings.level} of the resamples lie between both "
        "numbers).",
        columns,
        rows,
    )


def _say(findings: ReportFindings, tables: BeyondMeans) -> Iterator[str]:
    """Whether other metrics and rules have the same variant first."""
    first = findings.ranking[0].variant
    own = [row for row in tables.ranks if row.variant == first]
    agree = [row for row in own if row.rank == 1]
    name = findings.names[first]
    if len(agree) == len(own):
        yield f"{name} is first by each of {len(own)} combinations of metric and rule."
    else:
        others = "; ".join(
            f"{_name(row.metric, row.rule)}: rank {row.rank}"
            for row in own
            if row.rank > 1
        )
        yield (
            f"{name} is first by {len(agree)} of {len(own)} combinations of metric and "
            f"rule, and not by the others ({others}): the choice of the metric or the "
            "rule decides."
        )
    main = next((row for row in tables.rank_agreement if _is_main(row)), None)
    if main is not None and main.tau is not None:
        yield (
            "With other seeds and subjects the order by mean Dice would agree with "
            f"this one by a Kendall's tau of {main.tau:.2f} on average (1: the same "
            "order, 0: none in common)."
        )


def _is_main(row: RankAgreementRow) -> bool:
    """Whether a row says how stable the order of the verdict is."""
    one, other = (row.metric, row.rule), (row.other_metric, row.other_rule)
    return one == other == _MAIN


def _draw(
    findings: ReportFindings, tables: BeyondMeans, ranked: Sequence[Variant]
) -> Markup | None:
    """The figure of the order of the verdict; none without resamples."""
    shares: dict[Variant, list[float]] = {}
    for row in tables.rank_probabilities:
        if (row.metric, row.rule) == _MAIN:
            shares.setdefault(row.variant, []).append(row.probability)
    variants = [
        RankShares(findings.names[variant], shares[variant])
        for variant in ranked
        if variant in shares
    ]
    if not variants:
        return None
    return draw_rank_shares(variants, _TITLE)


def _map_row(
    findings: ReportFindings, variant: Variant, ranked: Sequence[Variant]
) -> MapRow:
    """The verdicts on one variant against each other one."""
    verdicts: dict[Variant, str] = {}
    for row in findings.differences:
        if row.variant == variant:
            verdicts[row.other] = row.verdict
        elif row.other == variant:
            verdicts[row.variant] = row.reverse().verdict
    return MapRow(findings.names[variant], [verdicts.get(other) for other in ranked])


def _rank_cell(row: RankRow | None) -> Cell:
    """A rank with its interval."""
    if row is None:
        return number(None, 0)
    ends = (
        ""
        if row.rank_low is None or row.rank_high is None
        else f"{row.rank_low} to {row.rank_high}"
    )
    return Cell(str(row.rank), float(row.rank), ends)


def _name(metric: str, rule: RankingRule) -> str:
    """What an order is called."""
    return f"{_title(metric)}, {RULES[rule]}"


def _title(metric: str) -> str:
    """What a metric is called."""
    return METRICS[metric].title if metric in METRICS else metric
