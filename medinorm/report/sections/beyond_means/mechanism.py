"""What norms do inside of networks: drift of features, and a probe for the domain."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from markupsafe import Markup

from medinorm.files.records import read_records
from medinorm.records.beyond_means import DomainProbeRow, FeatureDriftRow, Side
from medinorm.report.figures.charts import Panel
from medinorm.report.figures.curve_plot import Curve, draw_curves
from medinorm.report.findings import ReportFindings
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.report.tables.cells import Column, Table, estimate, number, word
from medinorm.variant import Variant

R = TypeVar("R", FeatureDriftRow, DomainProbeRow)

_ACROSS = "normalization layers, from the input to the output"
_CURVES: tuple[tuple[Side, str, str], ...] = (
    ("before", "before the layer", "curve-unseen"),
    ("after", "after the layer", "curve-known"),
)
_FEW = 8  # variants; the figures of up to so many are shown open
_TALL = 24  # rows of a table that scrolls by itself

_TEMPLATE = """\
<p>This section describes the networks; no variant is chosen by it. One patch in the \
middle of each test scan passed through each network{{ where }}.</p>
{% for sentence in sentences %}<p>{{ sentence }}</p>
{% endfor %}
{% if panels %}
<h3>How far features of {{ noun.many }} lie apart</h3>
<ul class="legend">
<li><svg width="30" height="12" aria-hidden="true">\
<path d="M1 6h28" class="curve-unseen"/></svg>before the layer</li>
<li><svg width="30" height="12" aria-hidden="true">\
<path d="M1 6h28" class="curve-known"/></svg>after the layer</li>
</ul>
<p class="note">Standard deviation between {{ noun.many }} of the mean of each \
channel, beyond what chance does with so few scans, in standard deviations of the \
features within a scan. 0: the {{ noun.many }} do not differ. Mean over networks and \
channels.</p>
<details{{ " open" if panels|length <= few }}><summary>Drift at each layer</summary>
<div class="panels wide">
{% for panel in panels %}{{ show_panel(panel, "feature drift") }}{% endfor %}
</div></details>
{% endif %}
{% if probes.rows %}
<h3>Can the {{ noun.one }} be read from the bottleneck?</h3>
{{ show_table(probes, probes.rows|length > tall) }}
{% endif %}
"""


@section(
    "mechanism",
    "Inside the network",
    order=57,
    heading="What the norms do inside the network",
)
def write_mechanism(inputs: ReportInputs) -> Markup | None:
    """Drift and probe of each variant; left out where nothing was measured."""
    findings = inputs.findings
    drift = _of_one_design(
        findings, _read(inputs.evidence / "drift.tsv", FeatureDriftRow)
    )
    probes = _of_one_design(
        findings, _read(inputs.evidence / "probe.tsv", DomainProbeRow)
    )
    if not drift and not probes:
        return None
    design = (drift or probes)[0].design
    return write_html(
        _TEMPLATE,
        noun=findings.noun,
        where=_say_where(findings, design),
        sentences=[*_say_drift(findings, drift), *_say_probe(findings, probes)],
        panels=list(_chart(findings, drift)),
        probes=tabulate_probes(findings, probes),
        few=_FEW,
        tall=_TALL,
    )


def tabulate_probes(findings: ReportFindings, rows: Sequence[DomainProbeRow]) -> Table:
    """How often the domain of a scan was guessed, for each variant.

    Args:
        findings: the tables.
        rows: of one design.
    """
    columns = (
        Column("Variant", numeric=False),
        Column(
            "Balanced accuracy", f"0 to 1, {findings.level} interval for other subjects"
        ),
        Column("Chance", "of a guess without looking"),
        Column("Number", "subjects"),
        Column("Networks"),
    )
    cells = [
        [
            word(findings.names[row.variant], "name"),
            estimate(row.accuracy, row.accuracy_low, row.accuracy_high),
            number(row.chance, 3),
            number(row.subjects, 0),
            number(row.networks, 0),
        ]
        for row in rows
    ]
    return Table(
        "A linear probe was fitted to the channels of the bottleneck (means and "
        f"standard deviations) and guessed the {findings.noun.one} of each scan, from "
        "the scans of other subjects. High: the network still knows where a scan is "
        "from.",
        columns,
        cells,
    )


def _say_where(findings: ReportFindings, design: str) -> str:
    """Which networks were measured."""
    one, many = findings.noun.one, findings.noun.many
    if design == "lodo":
        return f", which had left one {one} out; scans of all {many} passed"
    if design == "single":
        return f" that was trained on a single {one}; scans of all {many} passed"
    return f" that was trained on all {many}"


def _say_drift(
    findings: ReportFindings, rows: Sequence[FeatureDriftRow]
) -> Iterator[str]:
    """What the layers of the best variant do to the drift."""
    variant = next(
        (v for v in findings.variants if any(row.variant == v for row in rows)), None
    )
    if variant is None:
        return
    means = []
    for side, *_ in _CURVES:
        own = [r.shift for r in rows if r.variant == variant and r.side == side]
        if not own:
            return
        means.append(sum(own) / len(own))
    yield (
        f"{findings.names[variant]}: features of {findings.noun.many} lie "
        f"{means[0]:.2f} standard deviations apart before the normalization layers and "
        f"{means[1]:.2f} after them, on average over layers."
    )


def _say_probe(
    findings: ReportFindings, rows: Sequence[DomainProbeRow]
) -> Iterator[str]:
    """From how many variants the domain can be read."""
    if not rows:
        return
    one = findings.noun.one
    read = [findings.names[r.variant] for r in rows if r.accuracy_low > r.chance]
    unread = [findings.names[r.variant] for r in rows if r.accuracy_low <= r.chance]
    if read:
        yield (
            f"The {one} of a scan can be read from the bottleneck, more often than by "
            f"chance: {', '.join(read)}."
        )
    if unread:
        yield (
            f"Not shown to be read more often than by chance, from {rows[0].subjects} "
            f"subjects: {', '.join(unread)}."
        )


def _chart(
    findings: ReportFindings, rows: Sequence[FeatureDriftRow]
) -> Iterator[Panel]:
    """A panel for each variant, with a curve before and one after its layers."""
    top = max((row.shift for row in rows), default=0.0)
    for variant in findings.variants:
        own = [row for row in rows if row.variant == variant]
        curves = [_trace(own, side, words, css) for side, words, css in _CURVES]
        curves = [curve for curve in curves if curve.steps]
        if curves:
            name = findings.names[variant]
            figure = draw_curves(
                curves,
                f"Feature drift in {name}",
                (0.0, max(top, 0.01)),
                across=_ACROSS,
                description=_describe(curves),
            )
            yield Panel(name, figure, table=_tabulate_drift(own, name))


def _trace(rows: Sequence[FeatureDriftRow], side: Side, words: str, css: str) -> Curve:
    """The drift of one variant over its layers."""
    own = sorted((row for row in rows if row.side == side), key=lambda row: row.layer)
    return Curve(words, [row.layer for row in own], [row.shift for row in own], css)


def _describe(curves: Sequence[Curve]) -> str:
    """The curves in words, for screen readers."""
    return " ".join(
        f"{curve.name.capitalize()}: {curve.values[0]:.2f} at the first layer, at most "
        f"{max(curve.values):.2f}, {curve.values[-1]:.2f} at the last."
        for curve in curves
    )


def _tabulate_drift(rows: Sequence[FeatureDriftRow], name: str) -> Table:
    """The numbers of one figure."""
    place = {(row.layer, row.side): row for row in rows}
    columns = (
        Column("Layer"),
        Column("Channels"),
        *(
            column
            for _, words, _ in _CURVES
            for column in (
                Column(f"Means, {words}", "least to largest of the networks"),
                Column(f"Standard deviations, {words}", "of the logarithm"),
            )
        ),
    )
    cells = []
    for layer in sorted({row.layer for row in rows}):
        sides = [place.get((layer, side)) for side, *_ in _CURVES]
        channels = next(row.channels for row in sides if row)
        line = [number(layer, 0), number(channels, 0)]
        for row in sides:
            line.append(
                estimate(row.shift, row.shift_low, row.shift_high)
                if row
                else estimate(None, None, None)
            )
            line.append(number(row.scale if row else None, 3))
        cells.append(line)
    return Table(f"How far features lie apart in {name}.", columns, cells)


def _of_one_design(findings: ReportFindings, rows: Sequence[R]) -> list[R]:
    """Rows of networks that left a domain out, if there are, in the order of variants.

    Else those of the reference design of the gap, or of the first.
    """
    designs: set[str] = {row.design for row in rows}
    wanted = ("lodo", findings.reference_design, *sorted(designs))
    design = next((one for one in wanted if one in designs), None)
    order: dict[Variant, int] = {v: place for place, v in enumerate(findings.variants)}
    own = [row for row in rows if row.design == design and row.variant in order]
    return sorted(own, key=lambda row: order[row.variant])


def _read(path: Path, kind: type[R]) -> list[R]:
    """The rows of a table that need not exist."""
    return read_records(path, kind) if path.exists() else []
