"""Each variant on each unseen domain: a mean hides where its winner loses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medinorm.records.beyond_means import UnseenDomainRow
from medinorm.report.findings import ReportFindings
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.beyond_means import (
    BeyondMeans,
    name_place,
    read_beyond_means,
)
from medinorm.report.tables.cells import Column, Table, estimate, interval, word
from medinorm.variant import Variant

_NOT_FIRST = "\N{BLACK DOWN-POINTING TRIANGLE}"
_WORST = "\N{DAGGER}"
_TALL = 24  # rows of a table that scrolls by itself

_TEMPLATE = """\
{% for sentence in sentences %}<p>{{ sentence }}</p>
{% endfor %}
<div class="scroll" tabindex="0" role="region" aria-label="{{ caption }}">
<table class="grid">
<caption>{{ caption }}</caption>
<thead><tr><th scope="col" class="words">Variant</th>
{% for domain in domains %}<th scope="col" class="words">{{ domain.name }}\
<span class="unit">{{ domain.size }}</span></th>
{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}<tr><th scope="row" class="words">{{ row.name }}</th>
{% for cell in row.cells %}<td class="words {{ 'is-worse' if cell.marked }}">\
{% if cell.marked %}<span aria-hidden="true">{{ mark }} </span>{% endif %}\
{{ cell.dice }}{{ ' ' ~ worst if cell.worst }}<span class="detail">\
{{ cell.interval }}</span><span class="detail">{{ cell.rank }}</span>\
<span class="detail">{{ cell.below }}</span></td>
{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% if labels.rows %}<details><summary>Label by label, over all unseen \
{{ noun.many }}</summary>
{{ show_table(labels, labels.rows|length > tall) }}</details>{% endif %}
"""


@dataclass(frozen=True)
class GridCell:
    """One variant on one domain, as text.

    Args:
        dice: its Dice.
        interval: of Dice.
        rank: its rank in words.
        below: how often Dice is low.
        marked: whether the variant that is first by its mean is not first here.
        worst: whether this is the variant's worst domain.
    """

    dice: str
    interval: str
    rank: str
    below: str
    marked: bool
    worst: bool


@dataclass(frozen=True)
class GridRow:
    """One variant."""

    name: str
    cells: Sequence[GridCell]


@dataclass(frozen=True)
class GridHead:
    """One domain and how much was tested on it."""

    name: str
    size: str


@section(
    "unseen-domains",
    "Each unseen {one}",
    order=15,
    heading="Each variant on each unseen {one}",
)
def write_unseen_domains(inputs: ReportInputs) -> Markup | None:
    """The table of variants and unseen domains; left out where none was held out."""
    findings = inputs.findings
    tables = read_beyond_means(inputs.evidence)
    by_place = {(row.variant, row.domain): row for row in tables.unseen_domains}
    if not by_place:
        return None
    domains = list(dict.fromkeys(row.domain for row in tables.unseen_domains))
    winner = findings.ranking[0].variant if findings.ranking else None
    rows = [
        GridRow(
            findings.names[variant],
            [_cell(by_place.get((variant, name)), winner) for name in domains],
        )
        for variant in findings.variants
    ]
    return write_html(
        _TEMPLATE,
        noun=findings.noun,
        sentences=list(_say(findings, tables)),
        caption=_write_caption(findings, tables),
        domains=[_head(tables.unseen_domains, name) for name in domains],
        rows=rows,
        mark=_NOT_FIRST,
        worst=_WORST,
        labels=tabulate_labels_unseen(findings, tables),
        tall=_TALL,
    )


def tabulate_labels_unseen(findings: ReportFindings, tables: BeyondMeans) -> Table:
    """Dice of each variant and label over all unseen domains."""
    columns = (
        Column("Variant", numeric=False),
        Column("Label", numeric=False),
        Column("Dice", f"{findings.level} interval"),
    )
    rows = [
        [
            word(findings.names[row.variant], "name"),
            word(findings.labels.get(row.label, str(row.label))),
            estimate(row.dice, row.dice_low, row.dice_high),
        ]
        for row in tables.unseen_labels
    ]
    return Table(
        f"Dice of each label: means over the {findings.noun.many} that the networks "
        f"never saw, each {findings.noun.one} with equal weight.",
        columns,
        rows,
    )


def _say(findings: ReportFindings, tables: BeyondMeans) -> Iterator[str]:
    """Where the variant with the highest mean is not first, and its worst domain."""
    if not findings.ranking:
        return
    winner = findings.ranking[0].variant
    name, noun = findings.names[winner], findings.noun
    own = [row for row in tables.unseen_domains if row.variant == winner]
    lost = [row for row in own if row.rank is not None and row.rank > 1]
    if lost:
        places = "; ".join(_say_place(row, findings, tables) for row in lost)
        yield (
            f"{name} has the highest mean, but it is not first on every {noun.one}: "
            f"{places}."
        )
    else:
        yield f"{name} has the highest mean and is first on each of these {noun.many}."
    for row in tables.worst_domains:
        if row.variant == winner:
            ends = interval(row.dice_low, row.dice_high) or "no interval"
            yield (
                f"Its worst {noun.one} is {row.domain}, with Dice {row.dice:.3f} "
                f"({findings.level} interval of the worst of these {noun.many}, "
                f"corrected for having been chosen: {ends})."
            )


def _say_place(
    row: UnseenDomainRow, findings: ReportFindings, tables: BeyondMeans
) -> str:
    """The place of the winner on one domain, and who is first there."""
    first = [
        findings.names[other.variant]
        for other in tables.unseen_domains
        if other.domain == row.domain and other.rank == 1
    ]
    place = name_place(row.rank or 0)
    return (
        f"{place} of {row.ranked} on {row.domain} ({row.dice:.3f}; first: "
        f"{' and '.join(first)})"
    )


def _write_caption(findings: ReportFindings, tables: BeyondMeans) -> str:
    """How to read the table."""
    threshold = tables.unseen_domains[0].threshold
    signs = (
        f"{_NOT_FIRST}: the variant with the highest mean is not first here. "
        if findings.ranking
        else ""
    )
    return (
        f"Dice on each {findings.noun.one} that the networks never saw, with its "
        f"{findings.level} interval, the rank on this {findings.noun.one} alone, and "
        f"the share of predictions with a Dice below {threshold:g}. {signs}{_WORST}: "
        f"the worst {findings.noun.one} of the variant. The intervals hold for other "
        f"subjects and seeds on the same {findings.noun.many}."
    )


def _head(rows: Sequence[UnseenDomainRow], domain: str) -> GridHead:
    """A domain with the largest numbers of any variant."""
    own = [row for row in rows if row.domain == domain]
    scans, subjects, seeds = (
        max(getattr(row, name) for row in own)
        for name in ("scans", "subjects", "seeds")
    )
    return GridHead(domain, f"scans {scans}, subjects {subjects}, seeds {seeds}")


def _cell(row: UnseenDomainRow | None, winner: Variant | None) -> GridCell:
    """One variant on one domain; a dash where it was not tested."""
    if row is None:
        return GridCell(estimate(None, None, None).text, "", "", "", False, False)
    dice = estimate(row.dice, row.dice_low, row.dice_high)
    below = "" if row.below is None else f"below {row.threshold:g}: {row.below:.0%}"
    if row.below_low is not None and row.below_high is not None:
        below += f" ({row.below_low:.0%} to {row.below_high:.0%})"
    return GridCell(
        dice.text,
        dice.detail,
        f"{name_place(row.rank)} of {row.ranked}" if row.rank else "",
        below,
        marked=row.variant == winner and row.rank not in {None, 1},
        worst=row.worst,
    )
