"""Worst and typical cases on unseen domains, with outlines of label and prediction."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from medinorm.columns.cases import Cases
from medinorm.columns.words import Groups, WordColumn, average_groups
from medinorm.damage import require_unchanged
from medinorm.errors import ScanError
from medinorm.files.nifti import Volume, read_volume
from medinorm.layout import run_folder
from medinorm.records.scans import Scan
from medinorm.report.figures.slices import (
    PLANES,
    Overlay,
    crop,
    cut,
    display_window,
    draw_twice,
    find_plane,
    frame,
    turn_upright,
)
from medinorm.report.findings import or_nan
from medinorm.report.html import write_html
from medinorm.report.section import ReportInputs, section
from medinorm.variant import Variant

_MOST_DOMAINS = 12  # with a worst and a median case

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
        label: name of the label that is outlined: the one with the lowest Dice.
        plane: the plane of the slice.
        slices: one slice, bare and with outlines beside it.
        note: why there is no slice, or no prediction in it; empty otherwise.
    """

    case: Case
    label: str
    plane: str
    slices: Sequence[Markup]
    note: str


@dataclass(frozen=True)
class CaseGroup:
    """Cases under one heading.

    Args:
        heading: what they have in common.
        cases: each with what it is, such as the worst.
    """

    heading: str
    cases: Sequence[tuple[str, Case]]


_TEMPLATE = """\
{% if groups %}
<p>First {{ best }}, which has the highest out-of-domain Dice: its worst and its \
median scan on each {{ noun.one }}{% if not all %} ({{ most }} {{ noun.many }} with \
the lowest Dice){% endif %}. Then the worst scans of the other variants in turn. Each \
scan has its worst seed. Outlined is the label with the lowest Dice, on the slice \
where label map and prediction differ most, in the plane in which the scan was taken; \
beside it is the same slice without outlines. Outlines follow voxel edges. The letter \
at the left edge says what is there: R right, A anterior.</p>
<ul class="legend on-image">
<li><svg width="44" height="16" aria-hidden="true"><path d="M2 8h40" \
class="outline casing"/><path d="M2 8h40" class="outline truth"/></svg>\
label map (solid)</li>
<li><svg width="44" height="16" aria-hidden="true"><path d="M2 8h40" \
class="outline casing"/><path d="M2 8h40" class="outline guess"/></svg>\
prediction (dashed)</li>
</ul>
{% for heading, cases in groups %}
<h3>{{ heading }}</h3>
<div class="gallery">
{% for word, drawn in cases %}
<figure class="case">
<figcaption><span>{{ word }}<strong>{{ names[drawn.case.variant] }}</strong> on \
{{ drawn.case.domain }}</span>\
<span class="dice">Dice {{ "%.3f"|format(drawn.case.dice) }}</span></figcaption>
{% if drawn.slices %}\
<div class="planes">{% for slice in drawn.slices %}{{ slice }}{% endfor %}</div>\
{% endif %}
<p class="small">{{ drawn.case.scan }}, seed {{ drawn.case.seed }}\
{% if drawn.label %}; outlined: {{ drawn.label }}, {{ drawn.plane }}{% endif %}. \
Dice by label: \
{% for value, dice in drawn.case.by_label.items() %}{{ labels.get(value, value) }} \
{{ "%.3f"|format(dice) if dice == dice else "nothing to score" }}\
{{ ", " if not loop.last else "." }}{% endfor %}\
{% if drawn.case.missing %} <strong>No prediction: counted as a failure.</strong>\
{% endif %}</p>
{% if drawn.note %}<p class="note">{{ drawn.note }}</p>{% endif %}
</figure>
{% endfor %}
</div>
{% endfor %}
{% else %}
<p class="note">No case to show.</p>
{% endif %}
"""


@section(
    "gallery", "Cases", order=80, heading="Worst and typical cases on {many} never seen"
)
def write_gallery(inputs: ReportInputs) -> Markup:
    """The worst and the median cases with the outlines of label map and prediction."""
    findings = inputs.findings
    groups = choose_cases(
        findings.held_out, findings.variants, inputs.settings.worst_cases
    )
    drawn = [
        (
            group.heading,
            [
                (
                    word,
                    draw_case(
                        case,
                        inputs.volumes[case.scan],
                        inputs.predictions,
                        findings.labels,
                    ),
                )
                for word, case in group.cases
                if case.scan in inputs.volumes
            ],
        )
        for group in groups
    ]
    domains = findings.held_out.domain.present
    return write_html(
        _TEMPLATE,
        groups=[(heading, cases) for heading, cases in drawn if cases],
        best=findings.names[findings.variants[0]],
        noun=findings.noun,
        all=len(domains) <= _MOST_DOMAINS,
        most=_MOST_DOMAINS,
        names=findings.names,
        labels=findings.labels,
    )


def choose_cases(
    cases: Cases, variants: Sequence[Variant], count: int
) -> list[CaseGroup]:
    """Worst and median of the first variant on each domain; the worst of the others.

    Args:
        cases: cases on unseen domains.
        variants: the variants, highest Dice first.
        count: how many of the worst cases of the other variants; 0: no case at all.
    """
    if not count or not variants:
        return []
    lowest = RankedCases.of(cases, variants[0])
    places = {name: lowest.places(name) for name in lowest.domains.present}
    domains = sorted(places, key=lambda name: (lowest.dice[places[name][0]], name))
    groups = []
    for domain in sorted(domains[:_MOST_DOMAINS]):
        own = places[domain]
        middle = (len(own) - 1) // 2
        shown = [("Worst: ", lowest[own[0]])]
        if middle:
            shown.append(("Median: ", lowest[own[middle]]))
        groups.append(CaseGroup(domain, shown))
    others = worst_cases(cases, variants[1:], count)
    groups.append(CaseGroup("Other variants", [("", case) for case in others]))
    return [group for group in groups if group.cases]


def worst_cases(cases: Cases, variants: Sequence[Variant], count: int) -> list[Case]:
    """The lowest Dice on unseen domains, from each variant in turn.

    Each variant gives its worst scan, in the order of `variants`, then its second
    worst, and so on: otherwise the weakest variant would fill the gallery. Of each scan
    the worst seed is taken.

    Args:
        cases: cases on unseen domains.
        variants: the variants, in the order of their turns.
        count: how many cases.
    """
    queues = [RankedCases.of(cases, variant) for variant in variants]
    turns = chain.from_iterable(zip_longest(*queues))
    return list(islice((case for case in turns if case is not None), count))


@dataclass(frozen=True)
class RankedCases(Sequence[Case]):
    """The scans of a variant, each with its worst seed, the lowest Dice first.

    A case is made when it is asked for.

    Args:
        cases: of the variant, one a label.
        predictions: the predictions that they are of.
        order: those of `predictions` that stand here, in order.
        dice: mean over the labels of each that stands here.
    """

    cases: Cases
    predictions: Groups
    order: NDArray[np.intp]
    dice: NDArray[np.float64]

    @classmethod
    def of(cls, cases: Cases, variant: Variant) -> "RankedCases":
        """The scans of one variant; those without any score are left out."""
        own = cases[cases.scores.variant.equals(variant)]
        predictions = own.predictions
        dice = average_groups(own.scores.dice, predictions)
        scans = own.scores.scan.codes[predictions.first]
        order = np.lexsort((scans, dice))
        order = order[np.isfinite(dice[order])]
        _, first = np.unique(scans[order], return_index=True)
        order = order[np.sort(first)]
        return cls(own, predictions, order, dice[order])

    @property
    def domains(self) -> WordColumn[str]:
        """The domain of each scan."""
        return self.cases.domain[self.predictions.first[self.order]]

    def places(self, domain: str) -> NDArray[np.intp]:
        """Which of them are of one domain."""
        return np.flatnonzero(self.domains.equals(domain))

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, place: int) -> Case:  # type: ignore[override]
        """One of them; no slices."""
        number = self.order[place]
        cases = self.cases[self.predictions.of_row == number]
        first, scores = cases[0], [case.score for case in cases]
        return Case(
            first.score.variant,
            first.score.split,
            first.score.seed,
            first.score.scan,
            domain=first.domain,
            dice=float(self.dice[place]),
            by_label={score.label: or_nan(score.dice) for score in scores},
            missing=any(score.state == "missing" for score in scores),
        )


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
        return DrawnCase(case, "", "", (), f"not shown: {error}")
    note, guess = "", np.zeros_like(truth)
    try:
        guess = _read_on_grid(_prediction(case, predictions), image)
    except ScanError as error:
        note = f"no prediction is shown: {error}"
        _log.warning("%s: %s", case.scan, note)
    value = _find_failed_label(case, truth, guess, list(labels))
    axis = find_plane(image.spacing)
    masks = truth == value, guess == value
    drawn = _draw_slices(image, masks, axis, (labels[value], f"{value} of {case}"))
    return DrawnCase(case, labels[value], PLANES[axis], (drawn,), note)


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


def _find_failed_label(
    case: Case, truth: NDArray[Any], guess: NDArray[Any], values: Sequence[int]
) -> int:
    """The label with the lowest Dice; of several, that with the most wrong voxels."""

    def order(value: int) -> tuple[float, int]:
        dice = case.by_label.get(value, math.nan)
        wrong = int(np.count_nonzero((truth == value) != (guess == value)))
        return (dice if math.isfinite(dice) else math.inf), -wrong

    return min(values, key=order)


def _draw_slices(
    image: Volume,
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    axis: int,
    names: tuple[str, str],
) -> Markup:
    """The slice on which the two maps differ most, bare and outlined.

    Without a difference it is the slice with the most of the label.

    Args:
        image: the scan.
        masks: the label in the label map and in the prediction.
        axis: the axis across the slice.
        names: of the label, and one that no other figure has.
    """
    truth, guess = masks
    differing = truth != guess
    others = tuple(other for other in range(3) if other != axis)
    shown = differing if differing.any() else truth
    index = int(np.count_nonzero(shown, axis=others).argmax())
    whole, *cuts = (
        cut(array, image.spacing, axis, index) for array in (image.array[0], *masks)
    )
    bounds = frame(cuts)
    label, prediction = (crop(mask, *bounds).pixels for mask in cuts)
    overlays = Overlay(label, "truth"), Overlay(prediction, "guess")
    name, unique = names
    title = f"{PLANES[axis]} slice, bare and with outlines of {name}"
    window = display_window(image.array[0])
    return draw_twice(crop(whole, *bounds), window, overlays, axis, (title, unique))
