"""The worst cases on unseen domains, with the outlines of label map and prediction."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from medinorm.damage import require_unchanged
from medinorm.errors import ScanError
from medinorm.files.nifti import Volume, read_volume
from medinorm.layout import run_folder
from medinorm.records.evidence import CaseRow
from medinorm.records.scans import Scan
from medinorm.report.figures.slices import (
    PLANES,
    Overlay,
    crop,
    cut,
    display_window,
    draw_slice,
    frame,
    turn_upright,
)
from medinorm.report.findings import mean, or_nan
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.variant import Variant

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Case:
    """One prediction for one scan of an unseen domain.

    Args:
        variant: what made it.
        split: the split of its network.
        seed: the seed of its network.
        scan: pseudonymous id of the scan.
        domain: the unseen domain.
        dice: mean over the labels, 0 to 1.
        by_label: Dice of each label value; not-a-number where it is in neither map.
        missing: whether there is no prediction at all.
    """

    variant: Variant
    split: str
    seed: int
    scan: str
    domain: str
    dice: float
    by_label: Mapping[int, float]
    missing: bool


@dataclass(frozen=True)
class DrawnCase:
    """A case as the page shows it.

    Args:
        case: the case.
        label: name of the label that is outlined: the one with the most wrong voxels.
        slices: one slice, without and with outlines.
        note: why there is no slice, or no prediction in it; empty otherwise.
    """

    case: Case
    label: str
    slices: Sequence[Markup]
    note: str


_TEMPLATE = """\
{% if cases %}
<p>Each variant shows its worst scan, with its worst seed; then each shows its \
second worst, and so on. Of all slices in all three planes, the one is shown on which \
label map and prediction differ most. Outlines follow voxel edges and show the label \
with the most wrong voxels. The letter at the left edge says what is there: R right, \
A anterior.</p>
<ul class="legend">
<li><svg width="34" height="16" aria-hidden="true">\
<path d="M2 8h30" class="outline truth"/></svg>label map</li>
<li><svg width="34" height="16" aria-hidden="true">\
<path d="M2 8h30" class="outline guess"/></svg>prediction</li>
<li><svg width="20" height="14" aria-hidden="true">\
<path d="M1 1h18v12h-18z" class="area truth"/></svg>missed</li>
<li><svg width="20" height="14" aria-hidden="true">\
<path d="M1 1h18v12h-18z" class="area guess"/></svg>wrongly predicted</li>
</ul>
<div class="gallery">
{% for drawn in cases %}
<figure class="case">
<figcaption><strong>{{ names[drawn.case.variant] }}</strong> on {{ drawn.case.domain }}\
<span class="dice">Dice {{ "%.3f"|format(drawn.case.dice) }}</span></figcaption>
{% if drawn.slices %}\
<div class="planes">{% for slice in drawn.slices %}{{ slice }}{% endfor %}</div>\
{% endif %}
<p class="small">{{ drawn.case.scan }}, seed {{ drawn.case.seed }}\
{% if drawn.label %}; outlined: {{ drawn.label }}{% endif %}. Dice by label: \
{% for value, dice in drawn.case.by_label.items() %}{{ labels.get(value, value) }} \
{{ "%.3f"|format(dice) if dice == dice else "nothing to score" }}\
{{ ", " if not loop.last else "." }}{% endfor %}\
{% if drawn.case.missing %} <strong>No prediction: counted as a failure.</strong>\
{% endif %}</p>
{% if drawn.note %}<p class="note">{{ drawn.note }}</p>{% endif %}
</figure>
{% endfor %}
</div>
{% else %}
<p class="note">No case to show.</p>
{% endif %}
"""


@section("gallery", "Worst cases", order=80, heading="Worst cases on {many} never seen")
def write_gallery(inputs: ReportInputs) -> Markup:
    """The worst cases with the outlines of label map and prediction."""
    findings = inputs.findings
    worst = worst_cases(
        findings.held_out, findings.variants, inputs.settings.worst_cases
    )
    cases = [
        draw_case(case, inputs.volumes[case.scan], inputs.predictions, findings.labels)
        for case in worst
        if case.scan in inputs.volumes
    ]
    return write_html(
        _TEMPLATE, cases=cases, names=findings.names, labels=findings.labels
    )


def worst_cases(
    rows: Iterable[CaseRow], variants: Sequence[Variant], count: int
) -> list[Case]:
    """The lowest Dice on unseen domains, from each variant in turn.

    Each variant gives its worst scan, in the order of `variants`, then its second
    worst, and so on: otherwise the weakest variant would fill the gallery. Of each scan
    the worst seed is taken.

    Args:
        rows: cases on unseen domains.
        variants: the variants, in the order of their turns.
        count: how many cases.
    """
    lowest: dict[tuple[Variant, str], Case] = {}
    for case in _cases(rows):
        key = case.variant, case.scan
        if key not in lowest or case.dice < lowest[key].dice:
            lowest[key] = case
    queues = [
        sorted(
            (case for case in lowest.values() if case.variant == variant),
            key=lambda case: (case.dice, case.scan),
        )
        for variant in variants
    ]
    turns = chain.from_iterable(zip_longest(*queues))
    return [case for case in turns if case is not None][:count]


def _cases(rows: Iterable[CaseRow]) -> list[Case]:
    """Rows of single labels gathered into cases; those without any score left out."""
    groups: dict[tuple[Variant, str, int, str], list[CaseRow]] = {}
    for row in rows:
        score = row.score
        key = score.variant, score.split, score.seed, score.scan
        groups.setdefault(key, []).append(row)
    cases = []
    for (variant, split, seed, scan), group in groups.items():
        scores = [row.score for row in group]
        dice = mean(score.dice for score in scores)
        if dice is not None:
            cases.append(
                Case(
                    variant,
                    split,
                    seed,
                    scan,
                    domain=group[0].domain,
                    dice=dice,
                    by_label={score.label: or_nan(score.dice) for score in scores},
                    missing=any(score.state == "missing" for score in scores),
                )
            )
    return cases


def draw_case(
    case: Case, scan: Scan, predictions: Path, labels: Mapping[int, str]
) -> DrawnCase:
    """Draw one case; a file that cannot be read becomes a note.

    Args:
        case: which one.
        scan: its canonical files.
        predictions: folder of all predictions.
        labels: value and name of each label.
    """
    try:
        image = turn_upright(read_volume(require_unchanged(scan.image)))
        truth = _read_on_grid(scan.label, image)
    except ScanError as error:
        _log.warning("%s: %s", case.scan, error)
        return DrawnCase(case, "", (), f"not shown: {error}")
    note, guess = "", np.zeros_like(truth)
    try:
        guess = _read_on_grid(_prediction(case, predictions), image)
    except ScanError as error:
        note = f"no prediction is shown: {error}"
        _log.warning("%s: %s", case.scan, note)
    value = _most_wrong(truth, guess, list(labels))
    slices = _draw_slices(image, truth == value, guess == value, labels[value])
    return DrawnCase(case, labels[value], slices, note)


def _prediction(case: Case, predictions: Path) -> Path:
    """Where the prediction of a case lies."""
    split = predictions.joinpath(*case.variant, case.split)
    return run_folder(split, case.seed) / f"{case.scan}.nii.gz"


def _read_on_grid(path: Path | None, image: Volume) -> NDArray[Any]:
    """A label map on the upright grid of `image`, shape ``(X, Y, Z)``.

    Raises:
        ScanError: it is missing, cannot be read or lies on another grid.
    """
    if path is None:
        raise ScanError("the scan has no label map")
    volume = turn_upright(read_volume(require_unchanged(path)))
    if not volume.same_grid(image, tolerance=0.1):
        raise ScanError("it lies on another voxel grid than the image")
    labels: NDArray[Any] = volume.array[0]
    return labels


def _most_wrong(truth: NDArray[Any], guess: NDArray[Any], values: Sequence[int]) -> int:
    """The label with the most voxels in one map and not in the other."""
    wrong = [np.count_nonzero((truth == value) != (guess == value)) for value in values]
    return values[int(np.argmax(wrong))]


def _draw_slices(
    image: Volume, truth: NDArray[np.bool_], guess: NDArray[np.bool_], name: str
) -> list[Markup]:
    """The slice, of any plane, on which the two maps differ most: bare and outlined.

    Without a difference it is the axial slice with the most of the label.
    """
    axis, index = _find_slice(truth != guess if (truth != guess).any() else truth)
    shown, *masks = (
        cut(array, image.spacing, axis, index)
        for array in (image.array[0], truth, guess)
    )
    bounds = frame(masks)
    label, prediction = (crop(mask, *bounds).pixels for mask in masks)
    overlays = (
        Overlay(label & ~prediction, "truth", filled=True),
        Overlay(prediction & ~label, "guess", filled=True),
        Overlay(label, "truth"),
        Overlay(prediction, "guess"),
    )
    window = display_window(image.array[0])
    title = f"{PLANES[axis]} slice"
    return [
        draw_slice(crop(shown, *bounds), window, drawn, axis, words)
        for drawn, words in (((), title), (overlays, f"{title}, outlines of {name}"))
    ]


def _find_slice(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Axis and index of the slice with the most voxels of a mask; axial if several."""
    fullest = []
    for axis in (2, 1, 0):
        others = tuple(other for other in range(3) if other != axis)
        counts = mask.sum(axis=others)
        fullest.append((int(counts.max()), axis, int(counts.argmax())))
    _, axis, index = max(fullest, key=lambda slice_: slice_[0])
    return axis, index
