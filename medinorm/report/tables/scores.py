"""Tables of scores: each variant, its gap on each domain, its labels."""

from collections.abc import Iterable, Mapping, Sequence

from medinorm.records.evidence import MEAN, DomainRow, SummaryRow
from medinorm.records.metrics import METRICS, PRIMARY_METRIC, SHOWN_METRICS
from medinorm.report.figures.svg import ABSENT
from medinorm.report.findings import ReportFindings, mean, or_nan
from medinorm.report.tables.cells import (
    Cell,
    Column,
    Table,
    estimate,
    interval,
    number,
    word,
)
from medinorm.variant import Variant


def tabulate_summary(findings: ReportFindings) -> Table:
    """In-domain, out-of-domain, gap and prediction interval, one row a variant."""
    level = findings.level
    shown = _shown_metrics(findings.summary)
    columns = (
        Column("Variant", numeric=False),
        Column("In-domain", f"Dice; {level} interval"),
        Column("Out-of-domain", f"Dice; {level} interval"),
        Column("Gap", f"Dice; {level} interval"),
        Column(f"Next {findings.noun.one}", f"Dice; {level} expected"),
        Column(f"Worst {findings.noun.one}", "Dice"),
        *map(_metric_column, shown),
        Column("Failures", "predictions"),
    )
    rows = [_summary_cells(row, findings, shown) for row in findings.summary]
    return Table(
        "One row for each variant, best out-of-domain Dice first; "
        f"{_titles(shown)} and failures are out-of-domain too. "
        f"{_directions(shown)} Gap: lower is better. "
        "Click the name of a column to sort by it.",
        columns,
        rows,
    )


def _metric_column(name: str) -> Column:
    """The head of a column of one metric."""
    declared = METRICS[name]
    share = "share" if declared.better == "zero" else "0 to 1"
    return Column(declared.title, declared.unit or share)


def _metric_cell(value: float | None, name: str) -> Cell:
    """A mean of one metric: three decimals of a share, one of a distance."""
    return number(value, 1 if METRICS[name].unit else 3)


def _shown_metrics(rows: Iterable[SummaryRow | DomainRow]) -> list[str]:
    """The metrics besides Dice that are shown and have values."""
    known = {
        name
        for row in rows
        for name, value in row.other_metrics.items()
        if value is not None
    }
    return [name for name in SHOWN_METRICS if name in known]


def _titles(names: Iterable[str]) -> str:
    """Metrics as a reader calls them, with commas."""
    return ", ".join(METRICS[name].title for name in names)


def _directions(shown: Sequence[str]) -> str:
    """Which metrics are better when they are higher, lower or near zero."""
    words = {
        "higher": "0 to 1, higher is better.",
        "lower": "lower is better.",
        "zero": "0 is best, below 0 too little was predicted.",
    }
    by_direction = {
        better: _titles(
            name for name in (PRIMARY_METRIC, *shown) if METRICS[name].better == better
        )
        for better in words
    }
    return " ".join(
        f"{titles}: {words[better]}"
        for better, titles in by_direction.items()
        if titles
    )


def explain_next_domain(findings: ReportFindings) -> str:
    """How far the prediction interval for one further domain can be trusted."""
    noun = findings.noun
    factor = findings.summary[0].new_factor
    count = findings.summary[0].domains
    if factor is None:
        return f"Too few {noun.many} were held out to predict the Dice on a new one."
    return (
        f"Next {noun.one}: where the mean Dice on a new {noun.one} is expected, if it "
        f"is like these {count} held-out {noun.many}: the mean plus or minus "
        f"{factor:.2f} standard deviations between {noun.many}, or sampling errors of "
        "one where these are larger. A wide interval means that the mean predicts "
        "little."
    )


def _summary_cells(
    row: SummaryRow, findings: ReportFindings, shown: Sequence[str]
) -> list[Cell]:
    """The cells of one variant."""
    name = findings.names[row.variant]
    worst = number(row.worst_dice, 3)
    new = interval(row.new_low, row.new_high)
    standing = _standing(row.variant, findings.verdict.best)
    return [
        Cell(name, name, standing, "name"),
        estimate(row.in_domain, row.in_domain_low, row.in_domain_high),
        estimate(row.out_domain, row.out_domain_low, row.out_domain_high),
        estimate(row.gap, row.gap_low, row.gap_high, signed=True),
        Cell(new or ABSENT, or_nan(row.new_low)),
        Cell(worst.text, worst.sort, row.worst_domain or "", "wrap"),
        *(_metric_cell(row.other_metrics[name], name) for name in shown),
        number(row.failures, 0),
    ]


def tabulate_gaps(findings: ReportFindings) -> Table:
    """The gap of each variant, domain by domain."""
    gaps = {
        (row.variant, row.domain): estimate(
            row.gap, row.gap_low, row.gap_high, signed=True
        )
        for row in findings.gaps
    }
    absent = estimate(None, None, None)
    domains = sorted({row.domain for row in findings.gaps})
    rows = [
        [
            word(findings.names[variant], "name"),
            *(gaps.get((variant, domain), absent) for domain in domains),
        ]
        for variant in findings.variants
    ]
    return Table(
        "In-domain minus out-of-domain Dice on the test scans of each "
        f"{findings.noun.one}; 0 is best. With {findings.level} intervals.",
        [Column("Variant", numeric=False), *(Column(name, "Dice") for name in domains)],
        rows if domains else [],
    )


def _standing(variant: Variant, best: Sequence[Variant]) -> str:
    """Whether a variant is the best or was not shown to be worse."""
    if variant not in best:
        return ""
    return "best" if variant == best[0] else "not shown to be worse"


def tabulate_labels(findings: ReportFindings) -> Table:
    """Scores of each label on known and unseen domains; domains have equal weight."""
    shown = _shown_metrics(findings.held_out_domains)
    columns = (
        Column("Variant", numeric=False),
        Column("Label", numeric=False),
        Column("In-domain", "Dice"),
        Column("Out-of-domain", "Dice"),
        *map(_metric_column, shown),
        Column("Failures", "predictions"),
        Column("Rightly empty", "predictions"),
        Column("Occurs in", "scans"),
    )
    noun = findings.noun
    inside = _by_label(findings, findings.known_domains)
    outside = _by_label(findings, findings.held_out_domains)
    rows = [
        _label_cells(findings, variant, value, (inside, outside), shown)
        for variant in findings.variants
        for value in findings.labels
    ]
    return Table(
        f"Each label by itself; means over {noun.many}, each {noun.one} with equal "
        f"weight. {_directions(shown)} {_titles(shown)} and counts are "
        "out-of-domain. Rightly empty: neither the label map nor the prediction holds "
        "the label; such predictions have no score. Occurs in: scans whose label map "
        "holds the label.",
        columns,
        rows,
    )


RowsByLabel = Mapping[tuple[Variant, str], Sequence[DomainRow]]


def _by_label(findings: ReportFindings, rows: Iterable[DomainRow]) -> RowsByLabel:
    """Rows of single labels, gathered by variant and label value."""
    groups: dict[tuple[Variant, str], list[DomainRow]] = {}
    for row in rows:
        if row.label != MEAN and int(row.label) in findings.labels:
            groups.setdefault((row.variant, row.label), []).append(row)
    return groups


def _label_cells(
    findings: ReportFindings,
    variant: Variant,
    value: int,
    sides: tuple[RowsByLabel, RowsByLabel],
    shown: Sequence[str],
) -> list[Cell]:
    """The cells of one label of one variant."""
    inside, outside = (side.get((variant, str(value)), ()) for side in sides)
    failures = sum(row.failures for row in outside) if outside else None
    empty = sum(row.empty for row in outside) if outside else None
    occurs = [row.occurs for row in outside if row.occurs is not None]
    return [
        word(findings.names[variant], "name"),
        word(findings.labels[value]),
        number(mean(row.dice for row in inside), 3),
        number(mean(row.dice for row in outside), 3),
        *(
            _metric_cell(mean(row.other_metrics[name] for row in outside), name)
            for name in shown
        ),
        number(failures, 0),
        number(empty, 0),
        number(sum(occurs) if occurs else None, 0),
    ]
