"""Distributions: each scan a dot, each variant a row, each domain a panel."""

import math
from collections.abc import Mapping, Sequence

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

_ROW = 24.0
_TOP = 12.0
_BOTTOM = 40.0
_CHARACTERS = 34
_PER_CHARACTER = 6.4
_FEW = 5  # scans; with fewer, quartiles mean nothing
_MOST_DOTS = 80  # of one variant in one panel; above, only the lowest are drawn


def draw_strips(
    domain: str,
    values: Mapping[str, Sequence[float]],
    limits: tuple[float, float],
    width: float,
) -> Markup:
    """Draw the Dice of every scan of one held-out domain, a row for each variant.

    Args:
        domain: the domain, for the description.
        values: Dice of each scan by variant; not-a-number is left out.
        limits: ends of the axis, the same for all domains.
        width: of the figure.
    """
    longest = max((len(shorten(name, _CHARACTERS)) for name in values), default=0)
    axis = Axis(*limits, 16 + longest * _PER_CHARACTER, width - 14)
    height = _TOP + _ROW * len(values) + _BOTTOM
    rows = (
        _row(name, scores, axis, _TOP + _ROW * (index + 0.5))
        for index, (name, scores) in enumerate(values.items())
    )
    return figure(
        [_frame(axis, height), *rows],
        (width, height),
        f"Dice of each scan of {domain}",
        "Each dot is a scan, the bar the middle half of five or more, the stroke the "
        "median.",
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


def _row(name: str, scores: Sequence[float], axis: Axis, y: float) -> Markup:
    """One variant: its dots behind the box of quartiles."""
    finite = np.sort([score for score in scores if math.isfinite(score)])
    text = shorten(name, _CHARACTERS)
    head = label(text, (axis.start - 10, y + 4), "tick", "end")
    if finite.size == 0:
        absent = label("no score", (axis.start + 6, y + 4), "tick")
        return element("g", head, absent)
    low, middle, high = (axis(float(q)) for q in np.quantile(finite, [0.25, 0.5, 0.75]))
    box = {"x": low, "y": y - 6, "width": max(high - low, 1.0), "height": 12.0}
    description = f"{name}: median {np.median(finite):.3f}, lowest {finite[0]:.3f}"
    return element(
        "g",
        element("title", f"{description}, {finite.size} scans"),
        head,
        element("rect", rx=2, class_="box", **box) if finite.size >= _FEW else "",
        _dots(finite[:_MOST_DOTS], axis, y),
        line((middle, y - 8), (middle, y + 8), "median"),
    )


def _dots(scores: np.ndarray, axis: Axis, y: float) -> Markup:
    """The dots as one path of points, on three levels so that few overlap."""
    moves = (
        f"M{axis(float(score)):.1f} {y + (index % 3 - 1) * 4:.1f}h0"
        for index, score in enumerate(scores)
    )
    return element("path", d="".join(moves), class_="dots")
