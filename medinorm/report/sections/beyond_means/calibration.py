"""Whether networks know when they are wrong, on domains seen and never seen."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from markupsafe import Markup

from medinorm.files.records import read_records
from medinorm.records.calibration import CalibrationSummaryRow, RetentionRow
from medinorm.report.figures.charts import Panel
from medinorm.report.figures.curve_plot import Curve, draw_curves
from medinorm.report.findings import ReportFindings, mean
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.cells import Column, Table, number, word

R = TypeVar("R", CalibrationSummaryRow, RetentionRow)

_ACROSS = "voxels retained (%), the most confident first"
_SHOWN = (0.25, 0.5, 0.75, 1.0)  # points of the curve in the table below a figure
_FEW = 4  # variants; the figures of up to so many are shown open
_TALL = 24  # rows of a table that scrolls by itself

_TEMPLATE = """\
<p>A network gives each voxel a confidence, the probability of the label that it \
predicts there. If this can be trusted, doubtful voxels can be shown to a reader. \
Measured in a band around the structures.</p>
{% for sentence in sentences %}<p>{{ sentence }}</p>
{% endfor %}
{% if panels %}
<ul class="legend">
<li><svg width="30" height="12" aria-hidden="true">\
<path d="M1 6h28" class="curve-unseen"/></svg>{{ noun.many }} never seen</li>
<li><svg width="30" height="12" aria-hidden="true">\
<path d="M1 6h28" class="curve-known"/></svg>{{ noun.many }} trained on</li>
</ul>
<p class="note">Error-retention curve: the share of wrong voxels among those that are \
retained, if the least confident are given to a human. The right end is all voxels. A \
line that falls to 0 at the left belongs to a network that knows where it is wrong; a \
flat line to one that does not.</p>
<details{{ " open" if panels|length <= few }}><summary>Error-retention curves</summary>
<div class="panels wide">
{% for panel in panels %}{{ show_panel(panel, "error retention") }}{% endfor %}
</div></details>
{% endif %}
<details{{ " open" if not panels }}><summary>Each {{ noun.one }} in numbers</summary>
{{ show_table(table, table.rows|length > tall) }}</details>
"""


@section(
    "calibration",
    "Confidence",
    order=56,
    heading="Do networks know when they are wrong?",
)
def write_calibration(inputs: ReportInputs) -> Markup | None:
    """Calibration of each variant; left out where no confidence was kept."""
    findings = inputs.findings
    rows = _read(inputs.evidence / "calibration.tsv", CalibrationSummaryRow)
    if not rows:
        return None
    points = _read(inputs.evidence / "error_retention.tsv", RetentionRow)
    return write_html(
        _TEMPLATE,
        noun=findings.noun,
        sentences=list(_say(findings, rows)),
        table=tabulate_calibration(findings, rows),
        panels=list(_chart(findings, points)),
        few=_FEW,
        tall=_TALL,
    )


def has_confidence(evidence: Path) -> bool:
    """Whether a study measured the confidence of its predictions.

    Args:
        evidence: folder of the comparison's tables.
    """
    return bool(_read(evidence / "calibration.tsv", CalibrationSummaryRow))


def tabulate_calibration(
    findings: ReportFindings, rows: Sequence[CalibrationSummaryRow]
) -> Table:
    """Each variant on each domain, never seen or trained on.

    Args:
        findings: the tables.
        rows: of the calibration.
    """
    columns = (
        Column("Variant", numeric=False),
        Column("Tested on", numeric=False),
        Column("Networks", numeric=False),
        Column("Expected calibration error", "0 to 1, lower is better"),
        Column("Brier score", "0 to 1, lower is better"),
        Column("Wrong voxels", "share of all"),
        Column("Wrong, 75 % retained", "share of the most confident"),
        Column("Wrong, 50 % retained", "share of the most confident"),
        Column("Number", "predictions"),
    )
    cells = []
    for variant in findings.variants:
        own = [row for row in rows if row.variant == variant]
        for row in (*_unseen(own), *_known(findings, own)):
            seen = "had seen" if row.in_domain else "never saw"
            cells.append(
                [
                    word(findings.names[variant], "name"),
                    word(row.domain),
                    word(f"{seen} it"),
                    *(number(value, 3) for value in (row.ece, row.brier, row.error)),
                    number(row.error_75, 3),
                    number(row.error_50, 3),
                    number(row.predictions, 0),
                ]
            )
    return Table(
        "Means over predictions. Expected calibration error: how far confidence lies "
        "from the share of right voxels. Brier score: mean squared distance of "
        "confidence from 1 (right) or 0 (wrong).",
        columns,
        cells,
    )


def _say(
    findings: ReportFindings, rows: Sequence[CalibrationSummaryRow]
) -> Iterator[str]:
    """What confidence is worth on a domain that was never seen."""
    best, many = findings.variants[0], findings.noun.many
    name = findings.names[best]
    own = [row for row in rows if row.variant == best]
    unseen, known = _unseen(own), _known(findings, own)
    far, near = mean(row.ece for row in unseen), mean(row.ece for row in known)
    error = mean(row.error for row in unseen)
    kept = mean(row.error_75 for row in unseen)
    if far is None or error is None or kept is None:
        return
    words = f"{name}: on {many} never seen, confidence is off by {far:.3f} on average"
    if near is not None:
        words += f", on {many} that its networks had trained on by {near:.3f}"
    yield f"{words}."
    yield (
        f"On {many} never seen, {error:.1%} of its voxels near structures are wrong. "
        "If the quarter with the least confidence were given to a human, "
        f"{kept:.1%} of the rest would be wrong."
    )


def _chart(findings: ReportFindings, points: Sequence[RetentionRow]) -> Iterator[Panel]:
    """A panel for each variant, with a curve where unseen and one where known."""
    top = max((row.error for row in points), default=0.0)
    for variant in findings.variants:
        own = [row for row in points if row.variant == variant]
        unseen = _average(_unseen(own))
        known = _average(_known(findings, own))
        many, name = findings.noun.many, findings.names[variant]
        curves = [
            Curve(
                words,
                [round(100 * share) for share in curve],
                list(curve.values()),
                css,
            )
            for words, curve, css in (
                (f"{many} trained on", known, "curve-known"),
                (f"{many} never seen", unseen, "curve-unseen"),
            )
            if curve
        ]
        if not curves:
            continue
        figure = draw_curves(
            curves,
            f"Error-retention curves of {name}",
            (0.0, max(top, 0.01)),
            across=_ACROSS,
            description=_describe(curves),
        )
        yield Panel(name, figure, table=_tabulate_curves(curves, name))


def _describe(curves: Sequence[Curve]) -> str:
    """The curves in words, for screen readers."""
    return "Share of wrong voxels among those retained. " + " ".join(
        f"On {curve.name}: {curve.values[-1]:.3f} of all voxels, "
        f"{_value_at(curve, 0.5):.3f} of the most confident half."
        for curve in curves
    )


def _tabulate_curves(curves: Sequence[Curve], name: str) -> Table:
    """Some points of the curves of one variant."""
    columns = (
        Column("Voxels retained", numeric=False),
        *(Column(f"Wrong on {curve.name}", "share") for curve in curves),
    )
    rows = [
        [
            word(f"{share:.0%}"),
            *(number(_value_at(curve, share), 3) for curve in curves),
        ]
        for share in _SHOWN
    ]
    caption = f"Share of wrong voxels of {name} among those retained."
    return Table(caption, columns, rows)


def _value_at(curve: Curve, share: float) -> float:
    """The value of a curve where a share of the voxels is retained."""
    return curve.values[list(curve.steps).index(round(100 * share))]


def _average(points: Sequence[RetentionRow]) -> dict[float, float]:
    """Mean error over domains by the share that is retained."""
    shares: dict[float, list[float]] = {}
    for row in points:
        shares.setdefault(row.retained, []).append(row.error)
    return {share: sum(shares[share]) / len(shares[share]) for share in sorted(shares)}


def _unseen(rows: Sequence[R]) -> list[R]:
    """Those on domains never seen: of leave-one-domain-out, if it was run."""
    unseen = [row for row in rows if not row.in_domain]
    return [row for row in unseen if row.design == "lodo"] or unseen


def _known(findings: ReportFindings, rows: Sequence[R]) -> list[R]:
    """Those on domains that were trained on: of the reference design of the gap."""
    known = [row for row in rows if row.in_domain]
    own = [row for row in known if row.design == findings.reference_design]
    return own or known


def _read(path: Path, kind: type[R]) -> list[R]:
    """The rows of a table that need not exist."""
    return read_records(path, kind) if path.exists() else []
