"""Distributions: each scan a mark, each variant a row, each domain a panel.

A dot is a scan; a cross is a scan that failed with one of the seeds at least. All scans
are drawn. Marks that would cover each other to the point are drawn once.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from medinorm.report.figures.svg import (
    Axis,
    element,
    figure,
    join,
    label,
    line,
    name_ticks,
    shorten,
)

_TOP = 12.0
_BOTTOM = 40.0
_CHARACTERS = 34
_PER_CHARACTER = 6.4
_FEW = 5  # scans; with fewer, quartiles mean nothing
_LEVELS = 3  # heights of the marks of a row, so that few overlap
_ARM = 3.4  # of a cross


@dataclass(frozen=True)
class _StripSheet:
    """How a panel is laid out: height of a row; names beside the marks, or above."""

    row: float
    beside: bool
    drop: float


_BESIDE, _ABOVE = _StripSheet(24.0, True, 0.0), _StripSheet(42.0, False, 9.0)


def draw_strips(
    domain: str,
    values: Mapping[str, Sequence[float]],
    limits: tuple[float, float],
    width: float,
    failed: Mapping[str, Collection[int]] | None = None,
    *,
    narrow: bool = False,
) -> Markup:
    """Draw the Dice of every scan of one held-out domain, a row for each variant.

    Args:
        domain: the domain, for the description.
        values: Dice of each scan by variant; not-a-number is left out.
        limits: ends of the axis, the same for all domains.
        width: of the figure.
        failed: by variant, which of its values are of scans that failed with a seed.
        narrow: whether names are above their rows.
    """
    sheet = _ABOVE if narrow else _BESIDE
    longest = max((len(shorten(name, _CHARACTERS)) for name in values), default=0)
    start = 16 + longest * _PER_CHARACTER if sheet.beside else 12
    axis = Axis(*limits, start, width - 14)
    height = _TOP + sheet.row * len(values) + _BOTTOM
    said, rows = [], []
    for index, (name, scores) in enumerate(values.items()):
        crossed = (failed or {}).get(name, ())
        said.append(_describe(name, scores, crossed))
        y = _TOP + sheet.row * (index + 0.5)
        rows.append(_row((name, scores, crossed), said[-1], axis, y, sheet))
    return figure(
        [_frame(axis, height), *rows],
        (width, height),
        f"Dice of each scan of {domain}",
        "Each dot is a scan, each cross a scan that failed with a seed; the box is the "
        "middle half of five or more, the stroke the median. " + " ".join(said),
    )


def _describe(name: str, scores: Sequence[float], failed: Collection[int]) -> str:
    """A row in words, for screen readers and for the pointer."""
    finite = [score for score in scores if math.isfinite(score)]
    if not finite:
        return f"{name}: no score."
    fewer = f", {len(failed)} of them failed with a seed" if failed else ""
    return (
        f"{name}: median {np.median(finite):.3f}, lowest {min(finite):.3f}, "
        f"{len(finite)} scans{fewer}."
    )


def _frame(axis: Axis, height: float) -> Markup:
    """Grid lines, tick labels and axis title."""
    bottom = height - _BOTTOM
    parts = []
    for tick, text in name_ticks(axis.ticks(5)):
        x = axis(tick)
        parts.append(line((x, _TOP), (x, bottom), "grid"))
        parts.append(label(text, (x, bottom + 16), "tick", "middle"))
    middle = (axis.start + axis.end) / 2
    parts.append(label("Dice of a scan", (middle, bottom + 33), "axis", "middle"))
    return join(parts)


_Row = tuple[str, Sequence[float], Collection[int]]


def _row(row: _Row, said: str, axis: Axis, middle: float, sheet: _StripSheet) -> Markup:
    """One variant: its marks behind the box of quartiles."""
    name, scores, failed = row
    y = middle + sheet.drop
    place = (axis.start - 10, y + 4) if sheet.beside else (4.0, middle - 6)
    text = shorten(name, _CHARACTERS)
    head = label(text, place, "tick", "end" if sheet.beside else None)
    known = [
        (score, index in failed)
        for index, score in enumerate(scores)
        if math.isfinite(score)
    ]
    if not known:
        absent = label("no score", (axis.start + 6, y + 4), "tick")
        return element("g", head, absent)
    quartiles = np.quantile([score for score, _ in known], [0.25, 0.5, 0.75])
    low, median, high = (axis(float(quartile)) for quartile in quartiles)
    box = {"x": low, "y": y - 6, "width": max(high - low, 1.0), "height": 12.0}
    return element(
        "g",
        element("title", said),
        head,
        element("rect", rx=2, class_="box", **box) if len(known) >= _FEW else "",
        *_marks(known, axis, y),
        line((median, y - 8), (median, y + 8), "median"),
    )


def _marks(known: Sequence[tuple[float, bool]], axis: Axis, y: float) -> list[Markup]:
    """Dots and crosses, on three levels so that few overlap, as a path of each kind."""
    places = dict.fromkeys(
        (round(axis(score), 1), round(y + (index % _LEVELS - 1) * 4, 1), failed)
        for index, (score, failed) in enumerate(sorted(known))
    )
    dots = "".join(f"M{x} {at}h0" for x, at, failed in places if not failed)
    crosses = "".join(
        f"M{x - _ARM:.1f} {at - _ARM:.1f}l{2 * _ARM} {2 * _ARM}m0-{2 * _ARM}"
        f"l-{2 * _ARM} {2 * _ARM}"
        for x, at, failed in places
        if failed
    )
    return [
        element("path", d=path, class_=class_)
        for path, class_ in ((dots, "dots"), (crosses, "failed"))
        if path
    ]
