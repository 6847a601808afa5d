"""Which step matters: intensity steps over norms, and norms over intensity steps."""

import math

from markupsafe import Markup

from medinorm.records.evidence import EffectRow, FactorName
from medinorm.report.figures.heatmap import Matrix, draw_heatmap, shared_scale
from medinorm.report.findings import ReportFindings, mean, or_nan
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.cells import Cell, Column, Table, estimate, word
from medinorm.variant import Variant

_FACTORS: tuple[FactorName, ...] = ("intensity", "norm")
_NAMES: dict[FactorName, tuple[str, str]] = {
    "intensity": ("Intensity step", "norms"),
    "norm": ("Norm", "intensity steps"),
}
_MEAN = "mean"

_TEMPLATE = """\
{% for sentence in sentences %}<p>{{ sentence }}</p>
{% endfor %}
<figure class="scroll" tabindex="0" role="region" \
aria-label="Intensity steps and norms"><div class="panels single">{{ figure }}</div>
<figcaption>Dice on {{ noun.many }} never seen. Rows: intensity steps; columns: norms; \
the last of each are means. If the cells of a column are nearly equal, its norm \
makes the intensity step unnecessary; if the cells of a row are nearly equal, the \
norm does not matter after its intensity step.</figcaption></figure>
{% for table in tables %}{% if table.rows %}{{ show_table(table) }}{% endif %}\
{% endfor %}"""


@section("effects", "Which step matters", order=30)
def write_effects(inputs: ReportInputs) -> Markup | None:
    """What each step is worth; left out where intensities were not compared."""
    findings = inputs.findings
    if not _rows(findings, "intensity"):
        return None
    return write_html(
        _TEMPLATE,
        noun=findings.noun,
        sentences=[_explain(findings, factor) for factor in _FACTORS],
        figure=chart_effects(findings),
        tables=[tabulate_effects(findings, factor) for factor in _FACTORS],
    )


def tabulate_effects(findings: ReportFindings, factor: FactorName) -> Table:
    """Each level of a factor as the mean over the other one, best first."""
    name, others = _NAMES[factor]
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


def chart_effects(findings: ReportFindings) -> Markup:
    """Out-of-domain Dice of every intensity step with every norm, and the means."""
    dice = {
        row.variant: or_nan(row.out_domain)
        for row in findings.summary
        if row.variant.adapt == "none"
    }
    of_steps, of_norms = (_rows(findings, factor) for factor in _FACTORS)
    steps = [row.level for row in of_steps]
    norms = [row.level for row in of_norms] or [
        variant.norm for variant in dice if variant.intensity == steps[0]
    ]
    cells = {
        (step, norm): dice[Variant(step, norm, "none")]
        for step in steps
        for norm in norms
        if Variant(step, norm, "none") in dice
    }
    means = {(row.level, _MEAN): or_nan(row.out_domain) for row in of_steps}
    means |= {(_MEAN, row.level): or_nan(row.out_domain) for row in of_norms}
    overall = mean(value for value in cells.values() if math.isfinite(value))
    matrix = Matrix(
        title=f"intensity steps and norms on {findings.noun.many} never seen",
        rows=[*steps, _MEAN],
        columns=[*norms, _MEAN],
        values=cells | means | {(_MEAN, _MEAN): or_nan(overall)},
        unseen=set(),
        description="Rows: intensity steps; columns: norms; the last of each are "
        "means.",
    )
    return draw_heatmap(matrix, shared_scale([matrix]))


def _rows(findings: ReportFindings, factor: FactorName) -> list[EffectRow]:
    """The rows of one factor, highest first."""
    return [row for row in findings.effects if row.factor == factor]


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


def _explain(findings: ReportFindings, factor: FactorName) -> str:
    """How far the levels of a factor are apart."""
    name, others = _NAMES[factor]
    rows = _rows(findings, factor)
    if not rows:
        return f"Only one {name.lower()} was run, so it cannot be compared with others."
    best, worst = rows[0], rows[-1]
    apart = or_nan(best.out_domain) - or_nan(worst.out_domain)
    low, high = worst.difference_low, worst.difference_high
    within = (
        "(no interval: too few seeds)"
        if low is None or high is None
        else f"({-high:.3f} to {-low:.3f})"
    )
    return (
        f"{name}s differ by up to {apart:.3f} {within} in out-of-domain Dice, as means "
        f"over {best.variants} {others}: {best.level} against {worst.level}."
    )
