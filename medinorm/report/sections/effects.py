"""Which step matters: each level of an axis as the mean over the other axes."""

import math
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import NamedTuple, get_args

from markupsafe import Markup

from medinorm.records.evidence import EffectRow, FactorName
from medinorm.report.figures.charts import tabulate_matrix
from medinorm.report.figures.heatmap import Matrix, draw_heatmap, shared_scale
from medinorm.report.findings import ReportFindings, mean, or_nan
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.cells import Cell, Column, Table, estimate, word
from medinorm.variant import Variant

_FACTORS: tuple[FactorName, ...] = get_args(FactorName)


class _Words(NamedTuple):
    """What one level and several levels of a factor are called."""

    one: str
    many: str


_NAMES: dict[FactorName, _Words] = {
    "intensity": _Words("Intensity step", "intensity steps"),
    "norm": _Words("Norm", "norms"),
    "augmentation": _Words("Augmentation", "augmentations"),
    "adapt": _Words("Adaptation", "adaptations"),
}
_TRAINED: tuple[FactorName, ...] = ("norm", "intensity", "augmentation")
_MEAN = "mean"

_TEMPLATE = """\
{% for sentence in sentences %}<p>{{ sentence }}</p>
{% endfor %}
{% if figure %}\
<figure><div class="scroll" tabindex="0" role="region" \
aria-label="Figure: {{ rows }} and norms">{{ figure }}\
</div><details class="as-table"><summary>As a table</summary>\
{{ show_table(numbers) }}</details>\
<figcaption>Dice on {{ noun.many }} never seen. Rows: {{ rows }}; columns: \
norms; the last of each are means. If the cells of a column are nearly equal, its norm \
makes the choice of the row unnecessary; if the cells of a row are nearly equal, the \
norm does not matter there.</figcaption></figure>
{% endif %}\
{% for table in tables %}{% if table.rows %}{{ show_table(table) }}{% endif %}\
{% endfor %}"""


@section("effects", "Which step matters", order=30)
def write_effects(inputs: ReportInputs) -> Markup | None:
    """What each axis is worth; left out where nothing but norms was compared."""
    findings = inputs.findings
    compared = [factor for factor in _FACTORS if _rows(findings, factor)]
    if not set(compared) - {"norm"}:
        return None
    matrix = _gather_cells(findings)
    shown = [factor for factor in _FACTORS if factor in {*compared, *_TRAINED}]
    shown.sort(key=lambda factor: -_apart(_rows(findings, factor)))
    return write_html(
        _TEMPLATE,
        noun=findings.noun,
        sentences=[
            *_say_largest(findings, compared),
            *(_explain(findings, factor) for factor in shown),
            *_say_training(findings, compared),
        ],
        figure=draw_heatmap(matrix, shared_scale([matrix])) if matrix else None,
        numbers=tabulate_matrix(matrix, matrix.title) if matrix else None,
        rows=_say_rows(findings),
        tables=[tabulate_effects(findings, factor) for factor in shown],
    )


def tabulate_effects(findings: ReportFindings, factor: FactorName) -> Table:
    """Each level of a factor as the mean over the other ones, best first."""
    name, others = _NAMES[factor].one, _say_others(findings, factor)
    level = findings.level
    columns = (
        Column(name, numeric=False),
        Column("Out-of-domain", f"Dice; {level} interval"),
        Column("Against the highest", f"Dice; {level} interval"),
        Column("Verdict", numeric=False),
        Column(f"Range of the {others}", f"Dice; {level} interval"),
    )
    rows = [_cells(row) for row in _rows(findings, factor)]
    return Table(
        f"Each {name.lower()} as the mean over {others}, on {findings.noun.many} never "
        f"seen. The range is the best minus the worst of the {others} within that "
        "row. Both are named; both are chosen from these data, so that the range tends "
        "to be too large.",
        columns,
        rows,
    )


def chart_effects(findings: ReportFindings) -> Markup | None:
    """Out-of-domain Dice of what comes with each norm, and the means.

    One row for each intensity step with each augmentation; none where there is one row.
    """
    matrix = _gather_cells(findings)
    return draw_heatmap(matrix, shared_scale([matrix])) if matrix else None


def _gather_cells(findings: ReportFindings) -> Matrix | None:
    """What that figure is drawn from."""
    dice = {
        row.variant: or_nan(row.out_domain)
        for row in findings.summary
        if row.variant.adapt == "none"
    }
    named = _name_rows(findings, list(dice))
    rows = list(dict.fromkeys(named.values()))
    if len(rows) < 2:
        return None
    cells = {(named[v], v.norm): value for v, value in dice.items()}
    best_first = [row.level for row in _rows(findings, "norm")]
    columns = best_first or list(dict.fromkeys(v.norm for v in dice))
    return Matrix(
        title=f"{_say_rows(findings)} and norms on {findings.noun.many} never seen",
        rows=[*rows, _MEAN],
        columns=[*columns, _MEAN],
        values=cells | _margins(cells, rows, columns),
        unseen=set(),
        description=f"Rows: {_say_rows(findings)}; columns: norms; the last of each "
        "are means.",
    )


_Cells = dict[tuple[str, str], float]


def _margins(cells: _Cells, rows: Sequence[str], columns: Sequence[str]) -> _Cells:
    """Means of rows over the columns that all rows have, and the reverse."""
    known = {cell for cell, value in cells.items() if math.isfinite(value)}
    shared = [c for c in columns if all((row, c) in known for row in rows)]
    whole = [row for row in rows if all((row, c) in known for c in columns)]
    of_rows = {(r, _MEAN): or_nan(mean(cells[r, c] for c in shared)) for r in rows}
    of_columns = {(_MEAN, c): or_nan(mean(cells[r, c] for r in whole)) for c in columns}
    overall = or_nan(mean(cells[cell] for cell in known))
    return of_rows | of_columns | {(_MEAN, _MEAN): overall}


def _row_factors(findings: ReportFindings) -> list[FactorName]:
    """The factors besides the norm that have several levels; else the intensity."""
    factors: tuple[FactorName, ...] = ("intensity", "augmentation")
    several = [
        factor
        for factor in factors
        if len({getattr(v, factor) for v in findings.variants}) > 1
    ]
    return several or ["intensity"]


def _name_rows(
    findings: ReportFindings, variants: Sequence[Variant]
) -> dict[Variant, str]:
    """What each variant is besides its norm."""
    factors = _row_factors(findings)
    return {v: " + ".join(getattr(v, name) for name in factors) for v in variants}


def _say_rows(findings: ReportFindings) -> str:
    """What the rows of the figure are."""
    return " with ".join(_NAMES[factor].many for factor in _row_factors(findings))


def _say_others(findings: ReportFindings, factor: FactorName) -> str:
    """What the levels of a factor are averaged over."""
    others = [name for name in _TRAINED if name != factor]
    compared = [name for name in others if _rows(findings, name)] or others[:1]
    words = " and ".join(_NAMES[name].many for name in compared)
    return f"combinations of {words}" if len(compared) > 1 else words


def _rows(findings: ReportFindings, factor: FactorName) -> list[EffectRow]:
    """The rows of one factor, highest first."""
    return [row for row in findings.effects if row.factor == factor]


def _apart(rows: Sequence[EffectRow]) -> float:
    """How far the highest and the lowest level are apart; 0 of a single level."""
    if not rows:
        return 0.0
    return or_nan(rows[0].out_domain) - or_nan(rows[-1].out_domain)


def _cells(row: EffectRow) -> list[Cell]:
    """The cells of one level."""
    range_ = estimate(row.spread, row.spread_low, row.spread_high)
    chosen = " over ".join(name for name in (row.spread_best, row.spread_worst) if name)
    detail = ", ".join(text for text in (range_.detail, chosen) if text)
    return [
        word(row.level, "name"),
        estimate(row.out_domain, row.out_domain_low, row.out_domain_high),
        estimate(row.difference, row.difference_low, row.difference_high, signed=True),
        word(row.verdict, row.verdict),
        Cell(range_.text, range_.sort, detail, "wrap"),
    ]


def _say_largest(findings: ReportFindings, compared: Sequence[FactorName]) -> list[str]:
    """Which axis moves Dice most, where several were compared."""
    if len(compared) < 2:
        return []
    largest = max(compared, key=lambda factor: _apart(_rows(findings, factor)))
    return [
        f"Of {len(compared)} axes that were compared, the choice of the "
        f"{_NAMES[largest].one.lower()} moved out-of-domain Dice most. More levels "
        "make a larger range, so that ranges of axes with unlike numbers of levels "
        "are compared with care."
    ]


def _explain(findings: ReportFindings, factor: FactorName) -> str:
    """How far the levels of a factor are apart."""
    name = _NAMES[factor].one
    rows = _rows(findings, factor)
    if not rows:
        return f"Only one {name.lower()} was run, so it cannot be compared with others."
    best, worst = rows[0], rows[-1]
    low, high = worst.difference_low, worst.difference_high
    within = (
        "(no interval: too few seeds)"
        if low is None or high is None
        else f"({-high:.3f} to {-low:.3f})"
    )
    return (
        f"{name}s differ by up to {_apart(rows):.3f} {within} in out-of-domain Dice, "
        f"as means over {best.variants} {_say_others(findings, factor)}: {best.level} "
        f"against {worst.level}."
    )


def _say_training(
    findings: ReportFindings, compared: Sequence[FactorName]
) -> Iterator[str]:
    """How well the networks of each augmentation know their own training patches."""
    if "augmentation" not in compared:
        return
    last = {(r.variant, r.split, r.seed): r for r in findings.curves}
    known: dict[str, list[float]] = {}
    for row in last.values():
        if row.train_dice is not None:
            known.setdefault(row.variant.augmentation, []).append(row.train_dice)
    if len(known) < 2:
        return
    means = {name: fmean(dice) for name, dice in known.items()}
    words = [
        f"{means[name]:.2f} with {name}"
        for name in sorted(means, key=lambda n: -means[n])
    ]
    steps = max(row.step for row in last.values())
    yield (
        f"All networks trained for {steps} steps. At their end the mean Dice on their "
        f"own training patches was {', '.join(words)}. An augmentation with which it "
        "is clearly lower makes training harder and may need more steps before it "
        "helps: this comparison holds for this length of training."
    )
