"""Failures by kind: few of them hardly move a mean, and each matters to a patient."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from markupsafe import Markup

from medinorm.files.records import read_records
from medinorm.records.evidence import FailureKind, FailureRow
from medinorm.report.figures.bar_plot import Bar, BarRow, draw_bars
from medinorm.report.figures.charts import FEW_DOMAINS, Panel
from medinorm.report.figures.svg import ABSENT
from medinorm.report.findings import ReportFindings, distinct
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.beyond_means import read_beyond_means
from medinorm.report.tables.cells import Cell, Column, Table, word
from medinorm.variant import Variant

_LIMITS = (0.1, 0.2, 0.5, 1.0)  # shares at which bars have their full length
_TALL = 24  # rows of a table that scrolls by itself

_TEMPLATE = """\
<p>Failures on few scans hardly move a mean. Here each is counted: each label of each \
prediction is judged by itself, and has failed in one way at most.</p>
<ul>
{% for name, meaning in kinds %}<li><strong>{{ name }}</strong>: {{ meaning }}.</li>
{% endfor %}</ul>
{% for sentence in sentences %}<p>{{ sentence }}</p>
{% endfor %}
{% if panels %}
<p class="note">On {{ noun.many }} never seen. A bar is the share of what could fail \
in this way; at full length it is {{ limit }}. {{ absent }}: nothing could.</p>
<details{{ " open" if panels|length <= few }}><summary>Each {{ noun.one }} never seen\
</summary>
<div class="panels single">
{% for panel in panels %}{{ show_panel(panel, "failures by kind") }}{% endfor %}
</div></details>
{% endif %}
<details><summary>All numbers, also on {{ noun.many }} that the networks trained on\
</summary>
{{ show_table(table, table.rows|length > tall) }}</details>
"""


@section("failures", "Failures by kind", order=52)
def write_failures(inputs: ReportInputs) -> Markup | None:
    """A panel for each unseen domain, and all counts; left out without the table."""
    rows = read_failures(inputs.evidence)
    if not rows:
        return None
    findings = inputs.findings
    kinds = name_kinds(_find_threshold(inputs.evidence))
    unseen = _prefer(rows, "lodo", in_domain=False)
    limit = _find_limit(unseen)
    return write_html(
        _TEMPLATE,
        noun=findings.noun,
        kinds=[(name, _MEANINGS[kind]) for kind, name in kinds.items()],
        sentences=list(_say(findings, rows)),
        panels=list(_chart(findings, unseen, kinds, limit)),
        limit=f"{limit:.0%}",
        absent=ABSENT,
        few=FEW_DOMAINS,
        table=tabulate_failures(findings, rows, kinds),
        tall=_TALL,
    )


_MEANINGS: Mapping[FailureKind, str] = {
    "missing": "there is no usable prediction",
    "missed": "nothing was found of a structure that is there",
    "false_positive": "something was found of a structure that is not there",
    "low": "something was found, but it overlaps too little with the label map",
}


def read_failures(evidence: Path) -> list[FailureRow]:
    """The table of failures; a study of an earlier version has none.

    Args:
        evidence: folder of the comparison's tables.

    Raises:
        StageError: the table is damaged or lacks a column.
    """
    path = evidence / "failures.tsv"
    return read_records(path, FailureRow) if path.exists() else []


def name_kinds(threshold: float | None) -> dict[FailureKind, str]:
    """What each kind of failure is called.

    Args:
        threshold: a Dice below it is a failure, if it is known.

    Examples:
        >>> list(name_kinds(0.5).values())[-1]
        'Dice below 0.5'
    """
    low = "Low Dice" if threshold is None else f"Dice below {threshold:g}"
    return {
        "missing": "No prediction",
        "missed": "Structure missed",
        "false_positive": "Structure not there",
        "low": low,
    }


def tabulate_failures(
    findings: ReportFindings,
    rows: Sequence[FailureRow],
    kinds: Mapping[FailureKind, str],
    where: str = "",
) -> Table:
    """Every count: variant, domain, whether its networks had seen it, and kinds.

    Args:
        findings: the tables.
        rows: the failures to show.
        kinds: what each kind is called.
        where: on which domain alone.
    """
    columns = (
        Column("Variant", numeric=False),
        Column("Tested on", numeric=False),
        Column("Networks", numeric=False),
        *(Column(name, "labels of predictions") for name in kinds.values()),
    )
    groups: dict[tuple[Variant, str, bool, str], dict[FailureKind, FailureRow]] = {}
    for row in rows:
        key = row.variant, row.domain, row.in_domain, row.design
        groups.setdefault(key, {})[row.kind] = row
    order = {variant: place for place, variant in enumerate(findings.variants)}
    cells = [
        [
            word(findings.names[variant], "name"),
            word(domain),
            word(f"{'had seen' if known else 'never saw'} it ({design})"),
            *(_cell(of_kind.get(kind)) for kind in kinds),
        ]
        for (variant, domain, known, design), of_kind in sorted(
            groups.items(), key=lambda item: (order[item[0][0]], item[0][1:])
        )
    ]
    place = f" on {where}" if where else ""
    return Table(
        f"Failures by kind{place}: how many labels of predictions failed, of how many "
        "that could. A false structure has its mean volume.",
        columns,
        cells,
    )


def _cell(row: FailureRow | None) -> Cell:
    """A count with its share, and the volume of what is false."""
    if row is None:
        return Cell(ABSENT, math.nan)
    share = row.failures / row.possible if row.possible else math.nan
    detail = f"{share:.1%}" if row.failures and row.possible else ""
    if row.volume_ml is not None:
        detail += f", {row.volume_ml:.2g} ml"
    return Cell(_count(row), share, detail)


def _count(row: FailureRow) -> str:
    """How many failed, of how many."""
    return f"{row.failures:,} of {row.possible:,}" if row.possible else ABSENT


def _say(findings: ReportFindings, rows: Sequence[FailureRow]) -> Iterator[str]:
    """How often the first variant failed, where unseen and where known."""
    best, many = findings.variants[0], findings.noun.many
    own = [row for row in rows if row.variant == best]
    unseen = _prefer(own, "lodo", in_domain=False)
    known = _prefer(own, findings.reference_design, in_domain=True)
    if not unseen:
        return
    words = f"{findings.names[best]}: {_say_count(unseen)} failed on {many} never seen"
    if known:
        words += f", {_say_count(known)} on {many} that its networks had trained on"
    counts = {
        name: sum(row.failures for row in unseen if row.domain == name)
        for name in distinct(row.domain for row in unseen)
    }
    worst, *others = sorted(counts, key=counts.__getitem__, reverse=True)
    if others and counts[worst] > counts[others[0]]:
        words += f". Of those on {many} never seen, {counts[worst]:,} are on {worst}"
    yield f"{words}."


def _say_count(rows: Sequence[FailureRow]) -> str:
    """How many labels failed in any way."""
    failures = sum(row.failures for row in rows)
    labels = sum(row.possible for row in rows if row.kind == "missing")
    return f"{failures:,} of {labels:,} labels"


def _chart(
    findings: ReportFindings,
    rows: Sequence[FailureRow],
    kinds: Mapping[FailureKind, str],
    limit: float,
) -> Iterator[Panel]:
    """A panel for each domain."""
    for domain in sorted(distinct(row.domain for row in rows)):
        own = [row for row in rows if row.domain == domain]
        bars = [
            BarRow(findings.names[variant], _bars(own, variant, kinds))
            for variant in findings.variants
        ]
        title = f"Failures by kind on {domain}"
        draw = partial(draw_bars, title, list(kinds.values()), bars, limit)
        table = tabulate_failures(findings, own, kinds, domain)
        yield Panel(domain, draw(), draw(narrow=True), table)


def _bars(
    rows: Sequence[FailureRow], variant: Variant, kinds: Mapping[FailureKind, str]
) -> list[Bar]:
    """The bars of one variant on one domain."""
    by_kind = {row.kind: row for row in rows if row.variant == variant}
    return [_bar(by_kind.get(kind)) for kind in kinds]


def _bar(row: FailureRow | None) -> Bar:
    """One count as a bar."""
    if row is None or not row.possible:
        return Bar(math.nan, ABSENT)
    return Bar(row.failures / row.possible, _count(row))


def _prefer(
    rows: Sequence[FailureRow], design: str, *, in_domain: bool
) -> list[FailureRow]:
    """Rows in (or out of) domain, of one design if it was run, else of the others."""
    either = [row for row in rows if row.in_domain is in_domain]
    return [row for row in either if row.design == design] or either


def _find_limit(rows: Sequence[FailureRow]) -> float:
    """The share at which bars have their full length."""
    shares = [row.failures / row.possible for row in rows if row.possible]
    return next(limit for limit in _LIMITS if limit >= max(shares, default=0.0))


def _find_threshold(evidence: Path) -> float | None:
    """The Dice below which a prediction has failed."""
    tables = read_beyond_means(evidence).unseen_domains
    return tables[0].threshold if tables else None
