"""Tables as the page shows them: formatted cells that still sort by their value."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from medinorm.report.findings import (
    MEAN,
    Findings,
    Variant,
    mean,
    number,
    variant_of,
)
from medinorm.report.svg import ABSENT
from medinorm.tables import Row


@dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        text: what is read.
        sort: what it sorts by, a number or text.
        detail: smaller text behind it, such as an interval.
        class_: class of the style sheet.
    """

    text: str
    sort: float | str
    detail: str = ""
    class_: str = ""

    @property
    def key(self) -> str:
        """The sort key as text; an absent number sorts last."""
        if isinstance(self.sort, float) and not math.isfinite(self.sort):
            return ""
        return str(self.sort)


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Args:
        name: its title.
        unit: unit, or range and direction; empty for words.
        numeric: whether it holds numbers, which stand to the right.
    """

    name: str
    unit: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """A table that can be sorted by a click on a head.

    Args:
        caption: what it shows and how to read it.
        columns: its heads.
        rows: its cells.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def word(text: str, class_: str = "") -> Cell:
    """A cell of plain text."""
    return Cell(text or ABSENT, text.lower(), class_=class_)


def figures(text: str | None, decimals: int) -> Cell:
    """A number with fixed decimals, or a dash.

    Examples:
        >>> figures("0.81234", 3).text, figures("", 3).text == ABSENT
        ('0.812', True)
    """
    value = number(text)
    shown = f"{value:,.{decimals}f}" if math.isfinite(value) else ABSENT
    return Cell(shown, value)


def estimate(row: Row, name: str, *, signed: bool = False) -> Cell:
    """An estimate with its interval, three decimals.

    Args:
        row: holds `name`, `name_low` and `name_high`.
        name: the column.
        signed: whether a plus is shown.

    Examples:
        >>> estimate({"gap": "0.1", "gap_low": "0.05", "gap_high": ".2"}, "gap")
        Cell(text='0.100', sort=0.1, detail='0.050 to 0.200', class_='')
    """
    value = number(row.get(name))
    return Cell(_decimal(value, signed=signed), value, interval(row, name))


def interval(row: Row, name: str) -> str:
    """An interval as words; empty where there is none."""
    low, high = number(row.get(f"{name}_low")), number(row.get(f"{name}_high"))
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{_decimal(low)} to {_decimal(high)}"


def _decimal(value: float, *, signed: bool = False) -> str:
    """Three decimals with a true minus sign, or a dash."""
    if not math.isfinite(value):
        return ABSENT
    return f"{value:{'+' if signed else ''}.3f}".replace("-", "\N{MINUS SIGN}")


def tabulate_summary(findings: Findings) -> Table:
    """In-domain, out-of-domain, gap and prediction interval, one row a variant."""
    level = f"{findings.confidence:.0%}"
    columns = (
        Column("Variant", numeric=False),
        Column("In-domain", f"Dice; {level} interval"),
        Column("Out-of-domain", f"Dice; {level} interval"),
        Column("Gap", f"Dice; {level} interval"),
        Column("Next scanner", f"Dice; {level} expected"),
        Column("Worst scanner", "Dice"),
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
        Cell(worst.text, worst.sort, row.get("worst_domain", "")),
        figures(row.get("nsd"), 3),
        figures(row.get("hd95"), 1),
        figures(row.get("failures"), 0),
    ]


def _standing(variant: Variant, best: Sequence[Variant]) -> str:
    """How a variant stands to the best one."""
    if variant not in best:
        return ""
    return "best" if variant == best[0] else "not shown to be worse than the best"


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


def tabulate_labels(findings: Findings) -> Table:
    """Scores of each label on known and unseen scanners, scanners weighing equally."""
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
    inside = _by_label(findings, findings.known_domains)
    outside = _by_label(findings, findings.held_out_domains)
    rows = [
        _label_cells(findings, variant, value, (inside, outside))
        for variant in findings.variants
        for value in findings.labels
    ]
    return Table(
        "Each label by itself; means over scanners, each scanner with equal weight. "
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


def _fact(text: str) -> Cell:
    """A number as it stands, with thousands apart, or words."""
    value = number(text)
    if not math.isfinite(value):
        return word(text)
    return Cell(f"{value:,.4g}" if value < 1000 else f"{value:,.0f}", value)


def _spaced(name: str) -> str:
    """A column's name as words."""
    return name.replace("_", " ").capitalize()
