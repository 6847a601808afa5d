"""How each network learned: loss and Dice over the steps of training."""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

from markupsafe import Markup

from medinorm.records.evidence import CurveRow
from medinorm.report.figures.charts import Panel
from medinorm.report.figures.curve_plot import Curve, draw_curves
from medinorm.report.findings import ReportFindings, or_nan
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section

_FEW = 4  # variants; up to so many are shown open
_TEMPLATE = """\
<p>One line for each run (training scans and seed). A loss that still falls at its \
right end belongs to a network that was trained too little; lines of one variant that \
lie apart belong to runs that learned differently.</p>
{% for variant, panels in variants %}
<details{{ " open" if variants|length <= few }}><summary>{{ variant }}</summary>
<div class="panels wide">
{% for panel in panels %}{{ show_panel(panel, variant) }}{% endfor %}
</div></details>
{% endfor %}
"""

Measure = Literal["loss", "train_dice", "validation_dice"]
_TITLES: dict[Measure, str] = {
    "loss": "Loss",
    "train_dice": "Dice on training patches",
    "validation_dice": "Dice on validation scans",
}


@section("learning-curves", "Learning curves", order=122)
def write_learning_curves(inputs: ReportInputs) -> Markup | None:
    """A figure for each variant; left out where no history was kept."""
    findings = inputs.findings
    if not findings.curves:
        return None
    return write_html(_TEMPLATE, variants=list(_chart(findings)), few=_FEW)


def _chart(findings: ReportFindings) -> Iterator[tuple[str, list[Panel]]]:
    """Name and panels of each variant. Adaptations share the networks of their norm."""
    drawn = set()
    for variant in findings.variants:
        trained = variant._replace(adapt="none")
        rows = [row for row in findings.curves if row.variant == variant]
        if rows and trained not in drawn:
            drawn.add(trained)
            name = findings.names.get(trained, findings.names[variant])
            yield name, list(_panels(rows))


def _panels(rows: Sequence[CurveRow]) -> Iterator[Panel]:
    """A panel for each measure that was recorded."""
    for measure, title in _TITLES.items():
        curves = list(_curves(rows, measure))
        if any(math.isfinite(value) for curve in curves for value in curve.values):
            limits = None if measure == "loss" else (0.0, 1.0)
            yield Panel(title, draw_curves(curves, title, limits))


def _curves(rows: Sequence[CurveRow], measure: Measure) -> Iterator[Curve]:
    """The values of each run."""
    for (split, seed), run in groupby(rows, lambda row: (row.split, row.seed)):
        own = list(run)
        values = [or_nan(getattr(row, measure)) for row in own]
        yield Curve(f"{split}, seed {seed}", [row.step for row in own], values)
