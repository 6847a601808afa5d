"""Tables of the comparison: ranks, paired differences, how each variant was trained."""

import math
from collections.abc import Sequence

from medinorm.records.evidence import DifferenceRow, FairnessRow, RankingRow
from medinorm.report.figures.svg import ABSENT
from medinorm.report.findings import ReportFindings, mean, or_nan
from medinorm.report.tables.cells import Cell, Column, Table, estimate, number, word
from medinorm.variant import Variant


def tabulate_ranking(findings: ReportFindings) -> Table:
    """The ranking, with how sure it is on the domains of the study."""
    many = findings.noun.many
    columns = (
        Column("Rank"),
        Column("Variant", numeric=False),
        Column("Out-of-domain Dice", "0 to 1, higher is better"),
        Column(f"Chance of being best on these {many}", "share of resamples"),
        Column("Rank interval", f"on these {many}"),
    )
    rows = [
        [
            number(row.rank, 0),
            word(findings.names[row.variant], "name"),
            estimate(row.out_domain, row.out_domain_low, row.out_domain_high),
            _percent(row.probability_best),
            _rank_interval(row),
        ]
        for row in findings.ranking
    ]
    return Table(
        f"Ranks on these {many}, over resampled seeds and subjects. Other {many} may "
        f"rank the variants differently.{_say_corrected(findings)}",
        columns,
        rows,
    )


def _say_corrected(findings: ReportFindings) -> str:
    """The mean of the first variant without the luck of having been chosen."""
    first = findings.ranking[0] if findings.ranking else None
    if first is None or first.corrected is None:
        return ""
    shown = estimate(first.corrected, first.corrected_low, first.corrected_high)
    ends = f" ({shown.detail})" if shown.detail else ""
    return (
        " The highest of several means tends to be too high; corrected for this, that "
        f"of {findings.names[first.variant]} is {shown.text}{ends}."
    )


def _percent(share: float | None) -> Cell:
    """A share as a percentage."""
    return Cell(ABSENT if share is None else f"{share:.0%}", or_nan(share))


def _rank_interval(row: RankingRow) -> Cell:
    """From the lowest to the highest rank."""
    low, high = number(row.rank_low, 0), number(row.rank_high, 0)
    return Cell(f"{low.text} to {high.text}", low.sort)


def compare_with(findings: ReportFindings, variant: Variant) -> list[DifferenceRow]:
    """The differences that involve a variant, each as that variant minus the other.

    The table holds each pair once, in either direction.
    """
    rows = findings.differences
    first = [row for row in rows if row.variant == variant]
    return first + [row.reverse() for row in rows if row.other == variant]


def tabulate_differences(
    findings: ReportFindings, differences: Sequence[DifferenceRow]
) -> Table:
    """Paired differences between variants, out-of-domain.

    Args:
        findings: the tables.
        differences: which rows.
    """
    noun = findings.noun
    columns = (
        Column("Variant", numeric=False),
        Column("compared with", numeric=False),
        Column("Difference", f"Dice; {findings.level} interval"),
        Column("p", "Holm-corrected"),
        Column("Detectable", "Dice, at 80 % power"),
        Column(f"Verdict on these {noun.many}", numeric=False),
        Column(f"Next {noun.one}", f"Dice; {findings.level} prediction"),
        Column(f"Verdict on further {noun.many}", numeric=False),
    )
    rows = [
        [
            word(findings.names[row.variant], "name"),
            word(findings.names.get(row.other, row.other.name), "name"),
            estimate(
                row.difference, row.difference_low, row.difference_high, signed=True
            ),
            _probability(row.p_holm),
            number(row.detectable, 3),
            word(row.verdict, f"is-{row.verdict}"),
            _range(row.next_low, row.next_high),
            word(row.further_verdict, f"is-{row.further_verdict}"),
        ]
        for row in differences
    ]
    margin = findings.verdict.settings["equivalence"]
    return Table(
        "Out-of-domain Dice of the first variant minus that of the second, on the same "
        "scans. p: probability of such a difference if the truth were within "
        f"{margin:g} Dice, the margin. Detectable: the smallest true difference that a "
        "study of this size calls better or worse in 80 % of cases, after the "
        "correction for the number of comparisons. The last two columns are about "
        f"{noun.many} like these that the study does not have.",
        columns,
        rows,
    )


def _range(low: float | None, high: float | None) -> Cell:
    """From one end of an interval of differences to the other."""
    if low is None or high is None:
        return Cell(ABSENT, math.nan)
    ends = (f"{end:+.2f}".replace("-", "\N{MINUS SIGN}") for end in (low, high))
    return Cell(" to ".join(ends), low)


def _probability(p: float | None) -> Cell:
    """A p-value."""
    if p is None:
        return Cell(ABSENT, math.nan)
    return Cell("< 0.001" if p < 0.001 else f"{p:.3f}", p)


def tabulate_fairness(findings: ReportFindings) -> Table:
    """How each variant was trained and what it cost."""
    columns = (
        Column("Variant", numeric=False),
        Column("Runs", "trainings"),
        Column("Time per step", "s, median"),
        Column("Peak memory", "MB"),
        *(Column(_in_words(name)) for name in ("parameters", *_SAME)),
    )
    rows = [
        [
            word(findings.names[row.variant], "name"),
            _quantity(row.runs),
            _quantity(row.seconds_per_step),
            _quantity(row.peak_memory_mb),
            _fact(row.parameters),
            *map(_fact, _settings(row).values()),
        ]
        for row in findings.fairness
    ]
    return Table(
        "Data, steps and settings are the same for every variant; only what is "
        "compared differs.",
        columns,
        rows,
    )


# Settings of training that must be the same for every variant.
_SAME = ("steps", "learning_rate", "batch_size", "threads")


def _settings(row: FairnessRow) -> dict[str, str]:
    """The settings of training of one variant, by name; empty if not recorded."""
    values = row.steps, row.learning_rate, row.batch_size, row.threads
    return dict(zip(_SAME, values, strict=True))


def find_unequal(findings: ReportFindings) -> list[str]:
    """Settings of training that are recorded and not the same for all variants.

    A learning rate that was chosen in a search with the same budget is none of them.
    """
    settings = [_settings(row) for row in findings.fairness]
    return [
        _in_words(name).lower()
        for name in _SAME
        if not (name == "learning_rate" and was_searched_alike(findings))
        and len({of_variant[name] for of_variant in settings} - {""}) > 1
    ]


def was_searched_alike(findings: ReportFindings) -> bool:
    """Whether each variant and split chose among the same learning rates."""
    tried: dict[tuple[Variant, str], set[float]] = {}
    for row in findings.rates:
        tried.setdefault((row.variant, row.split), set()).add(row.rate)
    networks = {row.variant._replace(adapt="none") for row in findings.fairness}
    complete = networks <= {variant for variant, _ in tried}
    return bool(tried) and complete and len(set(map(frozenset, tried.values()))) == 1


def tabulate_rates(findings: ReportFindings) -> Table:
    """The search among learning rates: mean Dice over splits, how often chosen."""
    rates = sorted({row.rate for row in findings.rates})
    columns = (
        Column("Variant", numeric=False),
        *(Column(f"Rate {rate:g}", "validation Dice") for rate in rates),
    )
    variants = dict.fromkeys(row.variant for row in findings.rates)
    rows = [
        [
            word(findings.names.get(variant, variant.name), "name"),
            *(_searched(findings, variant, rate) for rate in rates),
        ]
        for variant in variants
    ]
    return Table(
        "Mean over splits; in brackets, in how many of them the rate was chosen.",
        columns,
        rows,
    )


def _searched(findings: ReportFindings, variant: Variant, rate: float) -> Cell:
    """The Dice of one rate, and how often it was chosen."""
    rows = [r for r in findings.rates if (r.variant, r.rate) == (variant, rate)]
    dice = mean(row.validation_dice for row in rows)
    chosen = sum(row.chosen for row in rows)
    shown = ABSENT if dice is None else f"{dice:.3f}"
    return Cell(f"{shown} ({chosen} of {len(rows)})" if chosen else shown, or_nan(dice))


def _fact(text: str) -> Cell:
    """A setting: as a quantity if it is a number, else as words."""
    try:
        return _quantity(float(text))
    except ValueError:
        return word(text)


def _quantity(value: float | None) -> Cell:
    """A number with as many digits as it needs, thousands apart."""
    if value is None or not math.isfinite(value):
        return Cell(ABSENT, math.nan)
    return Cell(f"{value:,.4g}" if value < 1000 else f"{value:,.0f}", float(value))


def _in_words(name: str) -> str:
    """A column's name as words."""
    return name.replace("_", " ").capitalize()
