"""Expected against observed Dice: one mark a scan, one shape a domain."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medinorm.report.figures.svg import (
    Axis,
    element,
    figure,
    fitting_axis,
    join,
    label,
    line,
    name_ticks,
    shorten,
)

_WIDTH, _SIDE = 600.0, 320.0
_LEFT, _TOP = 62.0, 14.0
_LEGEND = 22.0  # height of a line
_CHARACTERS = 22

# Around the middle of a mark, by the place of its domain.
_SHAPES = (
    "m-5 0l5 -5l5 5l-5 5z",
    "m-4 -4h8v8h-8z",
    "m0 -5l5 9h-10z",
    "m0 5l5 -9h-10z",
    "m-5 -2h3v-3h4v3h3v4h-3v3h-4v-3h-3z",
)


@dataclass(frozen=True)
class ExpectedPoint:
    """One scan, all in Dice.

    Args:
        group: name of its domain.
        expected: what was expected.
        low: lower end of the interval of the expectation.
        high: its upper end.
        observed: what it was.
    """

    group: str
    expected: float
    low: float
    high: float
    observed: float


def draw_expected(points: Sequence[ExpectedPoint], title: str) -> Markup:
    """Draw observed over expected Dice; on the diagonal both are the same.

    Args:
        points: at least one.
        title: what the figure shows.
    """
    ends = [value for p in points for value in (p.expected, p.observed)]
    across = fitting_axis(ends, (_LEFT, _LEFT + _SIDE))
    upward = Axis(across.low, across.high, _TOP + _SIDE, _TOP)
    groups = sorted({point.group for point in points})
    marks = (_draw_point(p, groups.index(p.group), across, upward) for p in points)
    inside = sum(point.low <= point.observed <= point.high for point in points)
    return figure(
        [_frame(across, upward), *marks, *_legend(groups)],
        (_WIDTH, _TOP + _SIDE + 48),
        title,
        f"One mark for each of {len(points)} scans; {inside} have their observed Dice "
        "in the interval, drawn as a horizontal line through the mark. On the diagonal "
        "expected and observed Dice are the same.",
    )


def _frame(across: Axis, upward: Axis) -> Markup:
    """Grid lines, ticks, titles and the diagonal."""
    parts = []
    for tick, text in name_ticks(across.ticks(5)):
        x, y = across(tick), upward(tick)
        parts += [
            line((x, _TOP), (x, _TOP + _SIDE), "grid"),
            line((_LEFT, y), (_LEFT + _SIDE, y), "grid"),
            label(text, (x, _TOP + _SIDE + 18), "tick", "middle"),
            label(text, (_LEFT - 8, y + 4), "tick", "end"),
        ]
    corners = (
        (across(across.low), upward(across.low)),
        (
            across(across.high),
            upward(across.high),
        ),
    )
    middle = _TOP + _SIDE / 2
    parts += [
        line(*corners, "link"),
        label(
            "expected Dice", (_LEFT + _SIDE / 2, _TOP + _SIDE + 40), "axis", "middle"
        ),
        element(
            "text",
            "observed Dice",
            x=16,
            y=middle,
            class_="axis",
            text_anchor="middle",
            transform=f"rotate(-90 16 {middle:g})",
        ),
    ]
    return join(parts)


def _draw_point(point: ExpectedPoint, place: int, across: Axis, upward: Axis) -> Markup:
    """A mark with the interval of what was expected."""
    x, y = across(point.expected), upward(point.observed)
    said = (
        f"{point.group}: expected {point.expected:.3f} ({point.low:.3f} to "
        f"{point.high:.3f}), observed {point.observed:.3f}"
    )
    return element(
        "g",
        element("title", said),
        line((across(point.low), y), (across(point.high), y), "curve"),
        _draw_mark(x, y, place),
    )


def _draw_mark(x: float, y: float, place: int) -> Markup:
    """The shape of a domain; after the last shape the first comes again."""
    shape = _SHAPES[place % len(_SHAPES)]
    return element("path", d=f"M{x:.1f} {y:.1f}{shape}", class_="outside")


def _legend(groups: Sequence[str]) -> list[Markup]:
    """The shape of each domain."""
    left = _LEFT + _SIDE + 24
    parts = []
    for place, name in enumerate(groups):
        y = _TOP + 10 + _LEGEND * place
        parts += [
            _draw_mark(left, y, place),
            label(shorten(name, _CHARACTERS), (left + 14, y + 5), "tick"),
        ]
    return parts
