"""A slice and the intensities of each domain, before and after harmonization."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from medinorm.damage import require_unchanged
from medinorm.errors import ScanError
from medinorm.files.nifti import Volume, read_volume
from medinorm.layout import harmonized_paths, map_of
from medinorm.records.scans import Scan
from medinorm.report.figures.charts import Panel
from medinorm.report.figures.dither import spread_steps
from medinorm.report.figures.ridge_plot import COLOURS, Ridge, draw_ridges
from medinorm.report.figures.slices import (
    crop,
    cut,
    display_window,
    draw_slice,
    turn_upright,
)
from medinorm.report.figures.svg import show_by_width
from medinorm.report.findings import ReportFindings, distinct
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section

SCANS_PER_DOMAIN = 8  # read for the distributions
_VOXELS = 4000  # of one label in one scan
_AXIAL = 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DomainAppearance:
    """One domain before harmonization.

    Args:
        domain: its name.
        scan: id of the scan that is shown.
        slice: its axial slice with the most labelled voxels.
        window: intensities shown black and white, as stored.
        grid: number of voxels along right, anterior and superior.
        spacing: distance of voxel centres, in mm.
        ridge: intensities inside each label, over several scans.
    """

    domain: str
    scan: str
    slice: Markup
    window: tuple[float, float]
    grid: tuple[int, int, int]
    spacing: tuple[float, float, float]
    ridge: Ridge


_TEMPLATE = """\
{% if domains %}
<p>The first scan of each domain by its id, before harmonization: the axial \
slice with the most labelled voxels, each in its own grey scale.</p>
<div class="domains">
{% for domain in domains %}
<figure>{{ domain.slice }}
<figcaption><strong>{{ domain.domain }}</strong><br>{{ domain.scan }}<br>black to \
white: {{ "{:,.4g}".format(domain.window[0]) }} to \
{{ "{:,.4g}".format(domain.window[1]) }}<br>\
{{ domain.grid|join(" \N{MULTIPLICATION SIGN} ") }} voxels of \
{{ (["%.3g"] * 3)|join(" \N{MULTIPLICATION SIGN} ")|format(*domain.spacing) }} mm\
</figcaption></figure>
{% endfor %}
</div>
<h3>Intensities inside each label</h3>
<p>The same tissue on different {{ noun.many }}: normalization has to remove these \
differences. Up to {{ scans_per_domain }} scans of each domain, first \
channel. Equal intensities of a scan are spread over the step to the next one, so that \
images of few levels have no comb.</p>
<ul class="legend">
{% for name, index in legend %}
<li><svg width="20" height="14" aria-hidden="true">\
<rect x="1" y="1" width="18" height="12" class="density label-{{ index }}"/></svg>\
{{ name }}</li>
{% endfor %}
</ul>
<figure><div class="scroll" tabindex="0" role="region" \
aria-label="Figure: intensities by domain">{{ ridges }}</div></figure>
{% if harmonized %}
<h3>The same after each intensity step</h3>
<p>The same scans and labels, as the networks read them. If the curve of one label \
is at the same place in all rows, the differences between {{ noun.many }} are removed; \
if the curves of different labels are apart, the labels can still be distinguished.</p>
{% for panel in harmonized %}
<details{{ " open" if loop.index <= 3 or loop.length <= 8 }}>\
<summary>{{ panel.title }}</summary>
<figure><div class="scroll" tabindex="0" role="region" \
aria-label="Figure: intensities after {{ panel.title }}">{{ panel.figure }}</div>\
</figure></details>
{% endfor %}
{% endif %}
{% else %}
<p class="note">No scan could be read; the log of this stage has the reasons.</p>
{% endif %}
"""


@section("domain-appearance", "Scans of each {one}", order=90)
def write_domain_appearance(inputs: ReportInputs) -> Markup:
    """One slice and the intensities of each domain, before and after harmonization."""
    findings = inputs.findings
    scans_of: dict[str, list[Scan]] = defaultdict(list)
    for scan, domain in sorted(findings.domain_of.items()):
        volume = inputs.volumes.get(scan)
        # What is drawn is what lies within labels.
        if volume is not None and volume.label is not None:
            scans_of[domain].append(volume)
    names = list(findings.labels.values())
    domains = [
        appearance
        for domain in findings.domain_names
        if (appearance := show_domain(domain, scans_of[domain], findings.labels))
    ]
    harmonized = inputs.harmonized
    return write_html(
        _TEMPLATE,
        noun=findings.noun,
        domains=domains,
        ridges=_draw([domain.ridge for domain in domains], names),
        harmonized=_chart_harmonized(findings, scans_of, harmonized)
        if harmonized
        else [],
        legend=[(name, index % COLOURS) for index, name in enumerate(names)],
        scans_per_domain=SCANS_PER_DOMAIN,
    )


def _chart_harmonized(
    findings: ReportFindings, scans_of: Mapping[str, Sequence[Scan]], harmonized: Path
) -> list[Panel]:
    """Intensities after each method, by the map of the first pooled split."""
    names = list(findings.labels.values())
    first = min(findings.splits, key=lambda row: row.design != "pooled").split
    panels = []
    for intensity in distinct(variant.intensity for variant in findings.variants):
        fitted_on = map_of(intensity, first)
        folder = harmonized / intensity / fitted_on
        ridges = [
            ridge
            for domain in findings.domain_names
            if (
                ridge := measure_harmonized(
                    domain, scans_of[domain], folder, findings.labels
                )
            )
        ]
        note = (
            f", learned from the training scans of {first}"
            if fitted_on == first
            else ""
        )
        if ridges:
            figure = _draw(ridges, names, f"intensity after {intensity}")
            panels.append(Panel(f"{intensity}{note}", figure))
    return panels


def _draw(ridges: Sequence[Ridge], names: Sequence[str], *what: str) -> Markup:
    """The ridges, for wide and for narrow pages."""
    wide, narrow = (
        draw_ridges(ridges, names, *what, narrow=small) for small in (False, True)
    )
    return show_by_width(wide, narrow)


def show_domain(
    domain: str, scans: Sequence[Scan], labels: Mapping[int, str]
) -> DomainAppearance | None:
    """Draw the first readable scan of a domain and measure some of its scans.

    Args:
        domain: the domain.
        scans: its scans, in the order of their ids.
        labels: value and name of each label.

    Returns:
        The appearance, or ``None`` when none of the scans can be read.
    """
    readable = list(_read_some(scans))
    if not readable:
        return None
    pairs = [(image, label) for _, image, label in readable]
    scan, image, label = readable[0]
    window = display_window(image.array[0])
    return DomainAppearance(
        domain=domain,
        scan=scan.scan,
        slice=_draw_slice(domain, image, label, window),
        window=window,
        grid=image.grid,
        spacing=image.spacing,
        ridge=_gather_intensities(domain, pairs, labels),
    )


def measure_harmonized(
    domain: str, scans: Sequence[Scan], harmonized: Path, labels: Mapping[int, str]
) -> Ridge | None:
    """Measure the same scans once they are harmonized.

    Args:
        domain: the domain.
        scans: its scans, in the order of their ids.
        harmonized: folder of the harmonized scans.
        labels: value and name of each label.

    Returns:
        The intensities, or ``None`` when none of the scans can be read.
    """
    after = [
        replace(scan, image=image, label=label)
        for scan in _choose_some(scans)
        for image, label in [harmonized_paths(harmonized, scan.scan)]
        if image.exists()
    ]
    pairs = [(image, label) for _, image, label in _read_some(after)]
    return _gather_intensities(domain, pairs, labels) if pairs else None


def _read_some(scans: Sequence[Scan]) -> Iterator[tuple[Scan, Volume, Volume]]:
    """Some of the scans with image and label map; what cannot be read is logged."""
    for scan in _choose_some(scans):
        try:
            yield scan, *_read(scan)
        except ScanError as error:
            _log.warning("%s: %s", scan.scan, error)


def _gather_intensities(
    domain: str, pairs: Sequence[tuple[Volume, Volume]], labels: Mapping[int, str]
) -> Ridge:
    """The intensities inside each label, of all scans together."""
    return Ridge(
        domain,
        {
            name: np.concatenate(
                [
                    _thin(image.array[0], label.array[0] == value)
                    for image, label in pairs
                ]
            )
            for value, name in labels.items()
        },
    )


def _read(scan: Scan) -> tuple[Volume, Volume]:
    """Image and label map of a scan, upright.

    Raises:
        ScanError: one of them is missing, cannot be read or lies on another grid.
    """
    if scan.label is None:
        raise ScanError("the scan has no label map")
    image, label = (
        turn_upright(read_volume(require_unchanged(path)))
        for path in (scan.image, scan.label)
    )
    if image.grid != label.grid:
        raise ScanError("image and label map lie on different grids")
    return image, label


def _draw_slice(
    domain: str, image: Volume, label: Volume, window: tuple[float, float]
) -> Markup:
    """The axial slice of a scan with the most labelled voxels."""
    labelled = np.count_nonzero(label.array[0], axis=(0, 1))
    whole = cut(image.array[0], image.spacing, _AXIAL, int(labelled.argmax()))
    shown = crop(whole, slice(None), slice(None))
    return draw_slice(shown, window, (), _AXIAL, f"axial slice of a scan of {domain}")


def _choose_some(scans: Sequence[Scan]) -> list[Scan]:
    """Some scans, the first among them, at even distances among all."""
    step = max(len(scans) / SCANS_PER_DOMAIN, 1.0)
    return [scans[int(i * step)] for i in range(min(len(scans), SCANS_PER_DOMAIN))]


def _thin(image: NDArray[Any], inside: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Finite intensities inside a mask, thinned evenly, without steps of storage."""
    values = image[inside]
    values = values[np.isfinite(values)]
    thinned = values[:: max(values.size // _VOXELS, 1)].astype(np.float32)
    return spread_steps(thinned)
