"""Train-to-test heat maps: where a network was trained against where it is tested."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medinorm.report.figures.svg import (
    ABSENT,
    Axis,
    element,
    figure,
    fitting_axis,
    join,
    label,
    name_ticks,
    shorten,
)

_HEIGHT = 34.0
_WIDE, _NARROW = 74.0, 58.0  # cells; narrow ones above this many columns:
_FEW = 5
_CHARACTERS = 30
_HEAD = 26
_PER_CHARACTER = 6.6

# Lightness falls steadily, so the map reads in grey and to colour-blind eyes.
_STOPS = ((250, 244, 220), (163, 208, 190), (70, 150, 170), (33, 86, 138), (24, 34, 82))

DARK_FROM = 0.597  # share of the scale: black ink has the contrast below, white above


@dataclass(frozen=True)
class Matrix:
    """Dice by training set and test domain, or by two other things.

    Args:
        title: the variant.
        rows: training sets.
        columns: test domains.
        values: Dice by training set and test domain.
        unseen: the cells whose test domain was no part of the training set.
        description: what rows and columns are, for screen readers.
    """

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Mapping[tuple[str, str], float]
    unseen: Collection[tuple[str, str]]
    description: str


def shared_scale(matrices: Iterable[Matrix]) -> Axis:
    """One colour scale for all heat maps, from 0 (pale) to 1 (dark)."""
    values = [value for matrix in matrices for value in matrix.values.values()]
    return fitting_axis(values, (0.0, 1.0))


def draw_heatmap(matrix: Matrix, scale: Axis) -> Markup:
    """Draw one matrix; each cell prints its number.

    Args:
        matrix: what to draw.
        scale: the shared scale from Dice to the share of the colour map.
    """
    longest = max((len(shorten(row, _CHARACTERS)) for row in matrix.rows), default=0)
    left = 16 + longest * _PER_CHARACTER
    step = _WIDE if len(matrix.columns) <= _FEW else _NARROW
    places = [left + step * index for index in range(len(matrix.columns) + 1)]
    names = [shorten(name, _HEAD) for name in matrix.columns]
    slanted = max(map(len, names), default=0) * _PER_CHARACTER
    top = 20 + 0.53 * slanted  # sine and cosine of the slant
    width = places[-1] + max(0.85 * slanted - step / 2 + 4, 8)
    height = top + _HEIGHT * len(matrix.rows) + 4
    heads = map(_head, names, places, places[1:])
    rows = (_row(matrix, scale, index, places) for index in range(len(matrix.rows)))
    return figure(
        [element("g", *heads, *rows, transform=f"translate(0 {top:.1f})")],
        (width, height),
        f"Dice of {matrix.title}",
        matrix.description,
    )


def draw_scale(scale: Axis) -> Markup:
    """Draw the colour scale all heat maps share."""
    width, steps = 260.0, 52
    parts = []
    for index in range(steps):
        x = 14 + index * width / steps
        fill = _colour((index + 0.5) / steps)
        shape = {"x": x, "y": 4.0, "width": width / steps + 0.5, "height": 14.0}
        parts.append(element("rect", fill=fill, **shape))
    for tick, text in name_ticks(scale.ticks(5)):
        x = 14 + width * scale(tick)
        parts.append(label(text, (x, 34), "tick", "middle"))
    return figure(
        parts,
        (width + 28, 40),
        "Colour scale of Dice",
        f"From {scale.low:.1f}, pale, to {scale.high:.1f}, dark.",
    )


def _head(name: str, start: float, end: float) -> Markup:
    """A slanted column head above the first row, so that long names fit."""
    x, y = (start + end) / 2 - 8, -8.0
    return element(
        "text",
        name,
        x=x,
        y=y,
        transform=f"rotate(-32 {x:.2f} {y:.2f})",
        class_="tick",
    )


def _row(matrix: Matrix, scale: Axis, index: int, places: Sequence[float]) -> Markup:
    """One training set: its name and its cells, between the places of their edges."""
    name = matrix.rows[index]
    y = _HEIGHT * index
    text = shorten(name, _CHARACTERS)
    parts = [label(text, (places[0] - 10, y + _HEIGHT / 2 + 4), "tick", "end")]
    edges = zip(matrix.columns, places, places[1:], strict=False)
    for domain, start, end in edges:
        cell = (name, domain)
        value = matrix.values.get(cell, math.nan)
        parts.append(_cell(value, scale, (start, end, y), unseen=cell in matrix.unseen))
    return element("g", *parts)


def _cell(
    value: float, scale: Axis, place: tuple[float, float, float], *, unseen: bool
) -> Markup:
    """One cell: its colour, its number and a frame where the domain was never seen."""
    start, end, y = place
    known = math.isfinite(value)
    share = scale(value) if known else 0.0
    ink = "ink-on-pale" if share < DARK_FROM else "ink-on-dark"
    middle = (start + end) / 2, y + _HEIGHT / 2 + 4.5
    shape = element(
        "rect",
        x=start + 2.5,
        y=y + 2.5,
        width=end - start - 5,
        height=_HEIGHT - 5,
        rx=3,
        fill=_colour(share) if known else "none",
        class_="cell unseen" if unseen else "cell",
    )
    text = f"{value:.3f}" if known else ABSENT
    return join((shape, label(text, middle, ink if known else "tick", "middle")))


def _colour(share: float) -> str:
    """The colour at a share of the scale, from pale (0) to dark (1).

    Examples:
        >>> _colour(0.0), _colour(1.0)
        ('#faf4dc', '#182252')
    """
    place = min(max(share, 0.0), 1.0) * (len(_STOPS) - 1)
    index = min(int(place), len(_STOPS) - 2)
    between = place - index
    pairs = zip(_STOPS[index], _STOPS[index + 1], strict=True)
    return "#" + "".join(f"{round(a + (b - a) * between):02x}" for a, b in pairs)
