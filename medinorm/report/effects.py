"""Which step matters: intensity steps over norms, and norms over intensity steps."""

import math
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from medinorm.files.tables import Row
from medinorm.report.figures.heatmap import Matrix, draw_heatmap, shared_scale
from medinorm.report.findings import Findings, mean, number, variant_of
from medinorm.report.tables.cells import Cell, Column, Table, estimate, word
from medinorm.variant import Variant

Factor = Literal["intensity", "norm"]

_NAMES: dict[Factor, tuple[str, str]] = {
    "intensity": ("Intensity step", "norms"),
    "norm": ("Norm", "intensity steps"),
}
_MEAN = "mean"


@dataclass(frozen=True)
class Effects:
    """What the page says about intensity steps and norms.

    Args:
        sentences: in words.
        figure: every intensity step with every norm.
        tables: one for the intensity steps, one for the norms.
    """

    sentences: list[str]
    figure: Markup
    tables: list[Table]


def show_effects(findings: Findings) -> Effects | None:
    """What each step is worth, or ``None`` where intensities were not compared."""
    if not _rows(findings, "intensity"):
        return None
    factors: tuple[Factor, ...] = ("intensity", "norm")
    return Effects(
        sentences=[_explain(findings, factor) for factor in factors],
        figure=chart_effects(findings),
        tables=[tabulate_effects(findings, factor) for factor in factors],
    )


def tabulate_effects(findings: Findings, factor: Factor) -> Table:
    """Each level of a factor as the mean over the other one, best first."""
    name, others = _NAMES[factor]
    level = f"{findings.confidence:.0%}"
    columns = (
        Column(name, numeric=False),
        Column("Out-of-domain", f"Dice; {level} interval"),
        Column("Against the highest", f"Dice; {level} interval"),
        Column("Verdict", numeric=False),
        Column(f"Spread among {others}", f"Dice; {level} interval"),
    )
    rows = [_cells(row) for row in _rows(findings, factor)]
    return Table(
        f"Each {name.lower()} as the mean over {others}, on {findings.noun.many} never "
        f"seen. The spread is the best minus the worst of the {others} within that "
        "row, both named and both chosen by these data, so it errs on the wide side.",
        columns,
        rows,
    )


def chart_effects(findings: Findings) -> Markup:
    """Out-of-domain Dice of every intensity step with every norm, and the means."""
    found = {
        variant_of(row): number(row.get("out_domain"))
        for row in findings.summary
        if row["adapt"] == "none"
    }
    steps = [row["level"] for row in _rows(findings, "intensity")]
    ranked = [row["level"] for row in _rows(findings, "norm")]
    norms = ranked or [v.norm for v in found if v.intensity == steps[0]]
    values = {
        (step, norm): found[Variant(step, norm, "none")]
        for step in steps
        for norm in norms
        if Variant(step, norm, "none") in found
    }
    means = {
        (row["level"], _MEAN): number(row["out_domain"])
        for row in _rows(findings, "intensity")
    }
    means |= {
        (_MEAN, row["level"]): number(row["out_domain"])
        for row in _rows(findings, "norm")
    }
    matrix = Matrix(
        title=f"intensity steps and norms on {findings.noun.many} never seen",
        rows=[*steps, _MEAN],
        columns=[*norms, _MEAN],
        values=values | means | {(_MEAN, _MEAN): mean(values.values())},
        unseen=set(),
        spoken="Rows: intensity steps; columns: norms; the last of each are means.",
    )
    return draw_heatmap(matrix, shared_scale([matrix]))


def _rows(findings: Findings, factor: Factor) -> list[Row]:
    """The rows of one factor, best first."""
    return [row for row in findings.effects if row["factor"] == factor]


def _cells(row: Row) -> list[Cell]:
    """The cells of one level."""
    spread = estimate(row, "spread")
    chosen = " over ".join(
        row[name] for name in ("spread_best", "spread_worst") if row[name]
    )
    detail = ", ".join(part for part in (spread.detail, chosen) if part)
    return [
        word(row["level"], "name"),
        estimate(row, "out_domain"),
        estimate(row, "difference", signed=True),
        word(row["verdict"], row["verdict"]),
        Cell(spread.text, spread.sort, detail, "wrap"),
    ]


def _explain(findings: Findings, factor: Factor) -> str:
    """How far the levels of a factor are apart."""
    name, others = _NAMES[factor]
    rows = _rows(findings, factor)
    if not rows:
        return f"One {name.lower()} was run, so that nothing can be said about it."
    best, worst = rows[0], rows[-1]
    apart = number(best["out_domain"]) - number(worst["out_domain"])
    low, high = number(worst["difference_low"]), number(worst["difference_high"])
    known = math.isfinite(low)
    within = f"({-high:.3f} to {-low:.3f})" if known else "(no interval: too few seeds)"
    return (
        f"{name}s differ by up to {apart:.3f} {within} in out-of-domain Dice, as means "
        f"over {best['variants']} {others}: {best['level']} against {worst['level']}."
    )
