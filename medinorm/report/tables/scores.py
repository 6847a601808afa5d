"""Tables of scores: each variant, its gap on each domain, its labels."""

import math
from collections.abc import Iterable, Mapping, Sequence

from medinorm.files.tables import Row
from medinorm.report.figures.svg import ABSENT
from medinorm.report.findings import MEAN, Findings, mean, number, variant_of
from medinorm.report.tables.cells import (
    Cell,
    Column,
    Table,
    estimate,
    figures,
    interval,
    word,
)
from medinorm.variant import Variant


def tabulate_summary(findings: Findings) -> Table:
    """In-domain, out-of-domain, gap and prediction interval, one row a variant."""
    level = f"{findings.confidence:.0%}"
    columns = (
        Column("Variant", numeric=False),
        Column("In-domain", f"Dice; {level} interval"),
        Column("Out-of-domain", f"Dice; {level} interval"),
        Column("Gap", f"Dice; {level} interval"),
        Column(f"Next {findings.noun.one}", f"Dice; {level} expected"),
        Column(f"Worst {findings.noun.one}", "Dice"),
        Column("NSD", "0 to 1"),
        Column("HD95", "mm"),
        Column("Failures", "predictions"),
    )
    rows = [_summary_cells(row, findings) for row in findings.summary]
    return Table(
        "One row for each variant, best out-of-domain Dice first; NSD, HD95 and "
        "failures are out-of-domain too. Dice and NSD: 0 to 1, higher is better. "
        "Gap and HD95: lower is better. Click a head to sort.",
        columns,
        rows,
    )


def explain_next_domain(findings: Findings) -> str:
    """How far the prediction interval for one further domain can be trusted."""
    noun = findings.noun
    factor = number(findings.summary[0].get("new_factor"))
    count = findings.summary[0].get("domains", "")
    if not math.isfinite(factor):
        return f"Too few {noun.many} were held out to say what a new one may bring."
    return (
        f"Next {noun.one}: where its mean Dice is expected. From {count} held-out "
        f"{noun.many} the interval reaches {factor:.2f} standard deviations between "
        f"{noun.many} to either side, if the new one is like these. Read it before you "
        "trust a mean."
    )


def _summary_cells(row: Row, findings: Findings) -> list[Cell]:
    """The cells of one variant."""
    new = interval(row, "new")
    worst = figures(row.get("worst_dice"), 3)
    variant = variant_of(row)
    return [
        Cell(variant.name, variant.name, _standing(variant, findings.best), "name"),
        estimate(row, "in_domain"),
        estimate(row, "out_domain"),
        estimate(row, "gap", signed=True),
        Cell(new or ABSENT, number(row.get("new_low"))),
        Cell(worst.text, worst.sort, row.get("worst_domain", ""), "wrap"),
        figures(row.get("nsd"), 3),
        figures(row.get("hd95"), 1),
        figures(row.get("failures"), 0),
    ]


def tabulate_gaps(findings: Findings) -> Table:
    """The gap of each variant, domain by domain."""
    found = {(variant_of(row), row["domain"]): row for row in findings.gaps}
    domains = sorted({row["domain"] for row in findings.gaps})
    rows = [
        [
            word(variant.name, "name"),
            *(
                estimate(found.get((variant, domain), {}), "gap", signed=True)
                for domain in domains
            ),
        ]
        for variant in findings.variants
    ]
    return Table(
        "In-domain minus out-of-domain Dice on the test scans of each "
        f"{findings.noun.one}; 0 is best. With {findings.confidence:.0%} intervals.",
        [Column("Variant", numeric=False), *(Column(name, "Dice") for name in domains)],
        rows if domains else [],
    )


def _standing(variant: Variant, best: Sequence[Variant]) -> str:
    """How a variant stands to the best one."""
    if variant not in best:
        return ""
    return "best" if variant == best[0] else "not told from the best"


def tabulate_labels(findings: Findings) -> Table:
    """Scores of each label on known and unseen domains, domains weighing equally."""
    columns = (
        Column("Variant", numeric=False),
        Column("Label", numeric=False),
        Column("In-domain", "Dice"),
        Column("Out-of-domain", "Dice"),
        Column("NSD", "0 to 1"),
        Column("HD95", "mm"),
        Column("Failures", "predictions"),
        Column("Not scored", "predictions"),
    )
    noun = findings.noun
    inside = _by_label(findings, findings.known_domains)
    outside = _by_label(findings, findings.held_out_domains)
    rows = [
        _label_cells(findings, variant, value, (inside, outside))
        for variant in findings.variants
        for value in findings.labels
    ]
    return Table(
        f"Each label by itself; means over {noun.many}, each {noun.one} with equal "
        "weight. "
        "Dice and NSD: 0 to 1, higher is better; HD95: lower is better. NSD, HD95 and "
        "counts are out-of-domain. Not scored: neither the label map nor the "
        "prediction holds the label.",
        columns,
        rows,
    )


LabelRows = Mapping[tuple[Variant, str], Sequence[Row]]


def _by_label(findings: Findings, rows: Iterable[Row]) -> LabelRows:
    """Rows of single labels, gathered by variant and label value."""
    groups: dict[tuple[Variant, str], list[Row]] = {}
    for row in rows:
        if row["label"] != MEAN and int(row["label"]) in findings.labels:
            groups.setdefault((variant_of(row), row["label"]), []).append(row)
    return groups


def _label_cells(
    findings: Findings,
    variant: Variant,
    value: int,
    sides: tuple[LabelRows, LabelRows],
) -> list[Cell]:
    """The cells of one label of one variant."""
    inside, outside = (side.get((variant, str(value)), ()) for side in sides)
    return [
        word(variant.name, "name"),
        word(findings.labels[value]),
        _average(inside, "dice", 3),
        _average(outside, "dice", 3),
        _average(outside, "nsd", 3),
        _average(outside, "hd95", 1),
        _count(outside, "failures"),
        _count(outside, "empty"),
    ]


def _average(rows: Sequence[Row], name: str, decimals: int) -> Cell:
    """The mean of a column over domains."""
    return figures(str(mean(number(row.get(name)) for row in rows)), decimals)


def _count(rows: Sequence[Row], name: str) -> Cell:
    """The sum of a column of counts over domains."""
    total = sum(int(value) for row in rows if math.isfinite(value := number(row[name])))
    return figures(str(total) if rows else "", 0)
