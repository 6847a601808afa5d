"""Curves over the steps of training, one line a run; or over something else."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from medinorm.report.figures.svg import (
    Axis,
    element,
    figure,
    join,
    label,
    line,
    name_ticks,
)

_HEIGHT = 200.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 12.0, 12.0, 42.0
_MOST_POINTS = 200  # of a line; more cannot be seen apart


@dataclass(frozen=True)
class Curve:
    """The values of one run.

    Args:
        name: of the run, for those who point at the line.
        steps: after how many steps each value was measured, in order.
        values: as many; not-a-number is left out.
        class_: of the style sheet.
    """

    name: str
    steps: Sequence[int]
    values: Sequence[float]
    class_: str = "curve"

    @property
    def points(self) -> list[tuple[int, float]]:
        """Steps with their values, thinned to what can be seen; the last is kept."""
        known = [
            (step, value)
            for step, value in zip(self.steps, self.values, strict=True)
            if math.isfinite(value)
        ]
        stride = -(-len(known) // _MOST_POINTS) if known else 1
        return known[::-1][::stride][::-1]


def draw_curves(
    curves: Sequence[Curve],
    title: str,
    limits: tuple[float, float] | None = None,
    width: float = 470.0,
    across: str = "steps of training",
    description: str = "",
) -> Markup:
    """Draw one line a run.

    Args:
        curves: the runs.
        title: what the values are.
        limits: ends of the vertical axis; not given: those of the values.
        width: of the figure.
        across: title of the horizontal axis.
        description: what is to be seen; not given: how many lines there are.
    """
    points = [point for curve in curves for point in curve.points]
    if not points:
        return figure(
            [label("nothing was recorded", (_LEFT, 30), "tick")],
            (width, 48),
            title,
            "Nothing was recorded.",
        )
    low, high = limits or _limits([value for _, value in points])
    scale = Axis(0, max(step for step, _ in points), _LEFT, width - _RIGHT)
    upward = Axis(low, high, _HEIGHT - _BOTTOM, _TOP)
    lines = (_line(curve, scale, upward) for curve in curves)
    return figure(
        [_frame(scale, upward, across), *lines],
        (width, _HEIGHT),
        title,
        description or f"One line for each of {len(curves)} runs, over the {across}.",
    )


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis that shows all values."""
    low, high = min(values), max(values)
    room = (high - low) * 0.04 or 0.5
    return low - room, high + room


def _frame(across: Axis, upward: Axis, title: str) -> Markup:
    """Grid lines, tick labels and the title of the horizontal axis."""
    parts = []
    for tick, text in name_ticks(upward.ticks(4)):
        y = upward(tick)
        parts.append(line((across.start, y), (across.end, y), "grid"))
        parts.append(label(text, (across.start - 6, y + 4), "tick", "end"))
    for tick in across.ticks(4):
        at = (across(tick), _HEIGHT - _BOTTOM + 16)
        parts.append(label(f"{tick:,.0f}", at, "tick", "middle"))
    middle = (across.start + across.end) / 2
    parts.append(label(title, (middle, _HEIGHT - 8), "axis", "middle"))
    return join(parts)


def _line(curve: Curve, across: Axis, upward: Axis) -> Markup:
    """One run; a run with one value is a dot."""
    points = [(across(step), upward(value)) for step, value in curve.points]
    if not points:
        return Markup("")
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    if not any(pairwise(points)):
        path += "h0"
    last = curve.points[-1][1]
    return element(
        "path",
        element("title", f"{curve.name}: {last:.3f} at the end"),
        d=path,
        class_=curve.class_,
    )
