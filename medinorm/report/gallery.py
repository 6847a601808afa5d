"""The worst cases on unseen domains, with the outlines of label map and prediction."""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from medinorm.errors import ScanError
from medinorm.files.nifti import Volume, read_volume
from medinorm.files.tables import Row
from medinorm.layout import run_folder
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
from medinorm.report.findings import mean, number, variant_of
from medinorm.scan import Scan
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
    seed: str
    scan: str
    domain: str
    dice: float
    by_label: Mapping[int, float]
    missing: bool


@dataclass(frozen=True)
class Exhibit:
    """A case as the page shows it.

    Args:
        case: the case.
        label: name of the label that is outlined: the one with the most wrong voxels.
        pictures: a slice without and with outlines.
        note: why there is no picture, or no prediction in it; empty otherwise.
    """

    case: Case
    label: str
    pictures: Sequence[Markup]
    note: str


def worst_cases(
    rows: Iterable[Row], variants: Sequence[Variant], count: int
) -> list[Case]:
    """The lowest Dice on unseen domains, the variants taking turns.

    Each variant gives its worst scan, in the given order, then its second worst, and so
    on: otherwise the weakest variant would fill the gallery. A scan stands with its
    worst seed.

    Args:
        rows: cases on unseen domains.
        variants: whose turn it is first.
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


def _cases(rows: Iterable[Row]) -> list[Case]:
    """Rows of single labels gathered into cases; those without any score left out."""
    groups: dict[tuple[Variant, str, str, str], list[Row]] = {}
    for row in rows:
        key = variant_of(row), row["split"], row["seed"], row["scan"]
        groups.setdefault(key, []).append(row)
    cases = []
    for (variant, split, seed, scan), group in groups.items():
        by_label = {int(row["label"]): number(row["dice"]) for row in group}
        dice = mean(by_label.values())
        missing = any(row["state"] == "missing" for row in group)
        if math.isfinite(dice):
            facts = variant, split, seed, scan, group[0]["domain"], dice
            cases.append(Case(*facts, by_label, missing))
    return cases


def show_case(
    case: Case, scan: Scan, predictions: Path, labels: Mapping[int, str]
) -> Exhibit:
    """Draw one case; a file that cannot be read becomes a note.

    Args:
        case: which one.
        scan: its canonical files.
        predictions: folder of all predictions.
        labels: value and name of each label.
    """
    try:
        image = turn_upright(read_volume(scan.image))
        truth = _read_like(scan.label, image)
    except ScanError as error:
        _log.warning("%s: %s", case.scan, error)
        return Exhibit(case, "", (), f"no picture: {error}")
    note, guess = "", np.zeros_like(truth)
    try:
        guess = _read_like(_prediction(case, predictions), image)
    except ScanError as error:
        note = f"no prediction is shown: {error}"
        _log.warning("%s: %s", case.scan, note)
    value = _most_wrong(truth, guess, list(labels))
    pictures = _pictures(image, truth == value, guess == value, labels[value])
    return Exhibit(case, labels[value], pictures, note)


def _prediction(case: Case, predictions: Path) -> Path:
    """Where the prediction of a case lies."""
    split = predictions.joinpath(*case.variant, case.split)
    return run_folder(split, int(case.seed)) / f"{case.scan}.nii.gz"


def _read_like(path: Path | None, image: Volume) -> NDArray[Any]:
    """A label map on the upright grid of `image`, shape ``(X, Y, Z)``.

    Raises:
        ScanError: it is missing, cannot be read or lies on another grid.
    """
    if path is None:
        raise ScanError("the scan has no label map")
    volume = turn_upright(read_volume(path))
    if not volume.same_grid(image, tolerance=0.1):
        raise ScanError("it lies on another voxel grid than the image")
    labels: NDArray[Any] = volume.array[0]
    return labels


def _most_wrong(truth: NDArray[Any], guess: NDArray[Any], values: Sequence[int]) -> int:
    """The label with the most voxels in one map and not in the other."""
    wrong = [np.count_nonzero((truth == value) != (guess == value)) for value in values]
    return values[int(np.argmax(wrong))]


def _pictures(
    image: Volume, truth: NDArray[np.bool_], guess: NDArray[np.bool_], name: str
) -> list[Markup]:
    """The slice, of any plane, on which the two maps differ most: plain and outlined.

    Without a difference it is the axial slice with the most of the label.
    """
    axis, index = _find_slice(truth != guess if (truth != guess).any() else truth)
    shown, *masks = (
        cut(array, image.spacing, axis, index)
        for array in (image.array[0], truth, guess)
    )
    part = frame(masks)
    label, found = (crop(mask, *part).pixels for mask in masks)
    overlays = (
        Overlay(label & ~found, "truth", filled=True),
        Overlay(found & ~label, "guess", filled=True),
        Overlay(label, "truth"),
        Overlay(found, "guess"),
    )
    window = display_window(image.array[0])
    title = f"{PLANES[axis]} slice"
    return [
        draw_slice(crop(shown, *part), window, drawn, axis, words)
        for drawn, words in (((), title), (overlays, f"{title}, outlines of {name}"))
    ]


def _find_slice(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Axis and index of the slice with the most voxels of a mask; axial if several."""
    found = []
    for axis in (2, 1, 0):
        others = tuple(other for other in range(3) if other != axis)
        counts = mask.sum(axis=others)
        found.append((int(counts.max()), axis, int(counts.argmax())))
    _, axis, index = max(found, key=lambda slice_: slice_[0])
    return axis, index
