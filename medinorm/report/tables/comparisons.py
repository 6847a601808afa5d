"""Tables of the comparison: ranks, paired differences, what each variant was given."""

import math
from collections.abc import Sequence

from medinorm.files.tables import Row
from medinorm.report.figures.svg import ABSENT
from medinorm.report.findings import Findings, number, variant_of
from medinorm.report.tables.cells import Cell, Column, Table, estimate, figures, word
from medinorm.variant import Variant


def tabulate_ranking(findings: Findings) -> Table:
    """The ranking, with how sure it is."""
    columns = (
        Column("Rank"),
        Column("Variant", numeric=False),
        Column("Out-of-domain Dice", "0 to 1, higher is better"),
        Column("Chance of being best", "share of resamples"),
        Column("Rank interval"),
    )
    rows = [
        [
            figures(row["rank"], 0),
            word(variant_of(row).name, "name"),
            estimate(row, "out_domain"),
            _percent(row.get("probability_best")),
            _range(row, "rank"),
        ]
        for row in findings.ranking
    ]
    return Table("Ranks over resampled seeds and subjects.", columns, rows)


def _percent(text: str | None) -> Cell:
    """A share as a percentage."""
    value = number(text)
    return Cell(f"{value:.0%}" if math.isfinite(value) else ABSENT, value)


def _range(row: Row, name: str) -> Cell:
    """From the low to the high end, as whole numbers."""
    low, high = (figures(row.get(f"{name}_{end}"), 0) for end in ("low", "high"))
    return Cell(f"{low.text} to {high.text}", low.sort)


def compare_with(findings: Findings, variant: Variant) -> list[Row]:
    """The differences that involve a variant, each as that variant minus the other.

    The table holds each pair once, in either direction.
    """
    rows = findings.differences
    straight = [row for row in rows if variant_of(row) == variant]
    return straight + [turn(row) for row in rows if other_of(row) == variant]


_OPPOSITE = {"better": "worse", "worse": "better"}


def turn(row: Row) -> Row:
    """The same difference seen from the other variant.

    Examples:
        >>> row = turn({"intensity": "", "norm": "a", "adapt": "",
        ...     "other_intensity": "", "other_norm": "b", "other_adapt": "",
        ...     "difference": "0.1", "difference_low": "0.05",
        ...     "difference_high": "0.2", "verdict": "better"})
        >>> row["norm"], row["difference"], row["difference_high"], row["verdict"]
        ('b', '-0.1', '-0.05', 'worse')
    """
    names = {name: row[f"other_{name}"] for name in Variant._fields}
    others = {f"other_{name}": row[name] for name in Variant._fields}
    low, high = number(row["difference_low"]), number(row["difference_high"])
    turned = {
        "difference": str(-number(row["difference"])),
        "difference_low": str(-high),
        "difference_high": str(-low),
        "verdict": _OPPOSITE.get(row["verdict"], row["verdict"]),
    }
    return row | names | others | turned


def tabulate_differences(findings: Findings, differences: Sequence[Row]) -> Table:
    """Paired differences between variants, out-of-domain.

    Args:
        findings: the tables.
        differences: which rows.
    """
    columns = (
        Column("Variant", numeric=False),
        Column("compared with", numeric=False),
        Column("Difference", f"Dice; {findings.confidence:.0%} interval"),
        Column("p", "Holm-corrected"),
        Column("Detectable", "Dice, at 80 % power"),
        Column("Verdict", numeric=False),
    )
    rows = [
        [
            word(variant_of(row).name, "name"),
            word(other_of(row).name, "name"),
            estimate(row, "difference", signed=True),
            _chance(row.get("p_holm")),
            figures(row.get("detectable"), 3),
            word(row.get("verdict", ""), f"is-{row.get('verdict', '')}"),
        ]
        for row in differences
    ]
    return Table(
        "Out-of-domain Dice of the first variant minus that of the second, on the same "
        "scans. Detectable: the difference that a study of this size would find.",
        columns,
        rows,
    )


def other_of(row: Row) -> Variant:
    """The variant a difference compares with."""
    return Variant(row["other_intensity"], row["other_norm"], row["other_adapt"])


def _chance(text: str | None) -> Cell:
    """A p-value."""
    value = number(text)
    if not math.isfinite(value):
        return Cell(ABSENT, value)
    return Cell("< 0.001" if value < 0.001 else f"{value:.3f}", value)


_COSTS = {
    "runs": ("Runs", "trainings"),
    "seconds_per_step": ("Time per step", "s, median"),
    "peak_memory_mb": ("Peak memory", "MB"),
}


def tabulate_fairness(findings: Findings) -> Table:
    """What each variant was given and what it cost."""
    names = [
        name
        for name in (findings.fairness[0] if findings.fairness else ())
        if name not in Variant._fields
    ]
    heads = [_COSTS.get(name, (_spaced(name), "")) for name in names]
    rows = [
        [
            word(variant_of(row).name, "name"),
            *(_fact(row[name]) for name in names),
        ]
        for row in findings.fairness
    ]
    return Table(
        "The same data, steps and settings for every variant; what differs is "
        "what the comparison is about.",
        [Column("Variant", numeric=False), *(Column(*head) for head in heads)],
        rows,
    )


# What every variant must be given alike.
_GIVEN = ("steps", "learning_rate", "batch_size", "augmentation", "threads")


def find_unequal(findings: Findings) -> list[str]:
    """Facts of training that are recorded and not the same for all variants."""
    return [
        _spaced(name).lower()
        for name in _GIVEN
        if len({row.get(name, "") for row in findings.fairness} - {""}) > 1
    ]


def _fact(text: str) -> Cell:
    """A number as it stands, with thousands apart, or words."""
    value = number(text)
    if not math.isfinite(value):
        return word(text)
    return Cell(f"{value:,.4g}" if value < 1000 else f"{value:,.0f}", value)


def _spaced(name: str) -> str:
    """A column's name as words."""
    return name.replace("_", " ").capitalize()
