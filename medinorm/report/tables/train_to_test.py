"""Which variant, trained where, on which domain: the numbers behind the heat maps."""

from collections.abc import Iterator

from medinorm.records.evidence import MEAN, DomainRow
from medinorm.report.figures.charts import name_train_sets
from medinorm.report.figures.svg import ABSENT
from medinorm.report.findings import ReportFindings, or_nan
from medinorm.report.tables.cells import Cell, Column, Table, estimate, word

_UNSEEN = "never seen"


def tabulate_highest(findings: ReportFindings) -> Table:
    """The variant with the highest Dice for each training set and tested domain."""
    rows = [
        [
            word(words, "name"),
            *(
                _highest(findings, _rows_of(findings, name, domain))
                for domain in findings.domain_names
            ),
        ]
        for name, words in _scored_sets(findings)
    ]
    columns = [
        Column("Trained on", numeric=False),
        *(Column(name, numeric=False) for name in findings.domain_names),
    ]
    return Table(
        "The variant with the highest mean Dice, by what was trained on (rows) and "
        "tested on (columns); below it its Dice and its lead over the next variant.",
        columns,
        rows,
    )


def tabulate_tested(findings: ReportFindings, domain: str) -> Table:
    """The Dice of each variant on one domain, by what its networks were trained on.

    Args:
        findings: all tables.
        domain: which was tested.
    """
    tested = [
        (words, rows)
        for name, words in _scored_sets(findings)
        if (rows := _rows_of(findings, name, domain))
    ]
    columns = [Column("Variant", numeric=False)]
    for words, rows in tested:
        seen = "seen in training" if rows[0].in_domain else _UNSEEN
        columns.append(Column(words, seen))
    by_variant = [{row.variant: row for row in rows} for _, rows in tested]
    cells = [
        [
            word(findings.names[variant], "name"),
            *(_dice(rows.get(variant)) for rows in by_variant),
        ]
        for variant in findings.variants
    ]
    return Table(
        f"Tested on {domain}: Dice ({findings.level} interval), mean over labels and "
        "seeds, by what the networks were trained on.",
        columns,
        cells,
    )


def _scored_sets(findings: ReportFindings) -> Iterator[tuple[str, str]]:
    """Names of the training sets that were tested, and what they are in words."""
    scored = {row.train_set for row in findings.domains}
    yield from (
        (name, words)
        for name, words in name_train_sets(findings).items()
        if name in scored
    )


def _rows_of(findings: ReportFindings, train_set: str, domain: str) -> list[DomainRow]:
    """Means over labels of all variants on one domain, the highest first."""
    rows = [
        row
        for row in findings.domains
        if (row.label, row.train_set, row.domain) == (MEAN, train_set, domain)
        and row.dice is not None
    ]
    return sorted(rows, key=lambda row: -or_nan(row.dice))


def _highest(findings: ReportFindings, rows: list[DomainRow]) -> Cell:
    """The name of the first variant, its Dice and its lead."""
    if not rows:
        return word(ABSENT)
    first = rows[0]
    details = [f"{or_nan(first.dice):.3f}"]
    if len(rows) > 1:
        details.append(f"ahead by {or_nan(first.dice) - or_nan(rows[1].dice):.3f}")
    if not first.in_domain:
        details.append(_UNSEEN)
    return Cell(findings.names[first.variant], or_nan(first.dice), ", ".join(details))


def _dice(row: DomainRow | None) -> Cell:
    """The Dice of one variant, or a dash."""
    if row is None:
        return estimate(None, None, None)
    return estimate(row.dice, row.dice_low, row.dice_high)
