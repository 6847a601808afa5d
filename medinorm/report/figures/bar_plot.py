"""Bars of counts: a row for each variant, a column for each kind of event.

Columns stand side by side, so that kinds are told apart by their place and not by
colour, and each bar has its count beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medinorm.report.figures.svg import element, figure, join, label, line, shorten

_TOP = 28.0
_ROW, _THICK = 26.0, 12.0
_CHARACTERS = 30
_PER_CHARACTER = 8.2
_COUNT = 76.0  # room for a count behind a bar
_GAP = 14.0  # between columns
_LEAST = 1.5  # length of the bar of what happened at all


@dataclass(frozen=True)
class Bar:
    """One bar.

    Args:
        share: its length, a share of what could have happened; NaN: nothing could.
        count: what is written behind it.
    """

    share: float
    count: str


@dataclass(frozen=True)
class BarRow:
    """The bars of one variant, one for each kind.

    Args:
        name: of the variant.
        bars: as many as there are kinds.
    """

    name: str
    bars: Sequence[Bar]


def draw_bars(
    title: str,
    kinds: Sequence[str],
    rows: Sequence[BarRow],
    limit: float,
    *,
    narrow: bool = False,
) -> Markup:
    """Draw one panel.

    Args:
        title: what the figure shows.
        kinds: the heads of the columns.
        rows: the variants.
        limit: the share at which a bar has its full length, above 0.
        narrow: whether the kinds of a variant are below each other.
    """
    said = " ".join(_describe(row, kinds) for row in rows)
    draw = _draw_narrow if narrow else _draw_wide
    parts, size = draw(kinds, rows, limit)
    return figure(parts, size, title, f"Bars are shares of what can fail so. {said}")


def _draw_wide(
    kinds: Sequence[str], rows: Sequence[BarRow], limit: float
) -> tuple[list[Markup], tuple[float, float]]:
    """Names to the left, a column for each kind."""
    width = 980.0
    longest = max((len(shorten(row.name, _CHARACTERS)) for row in rows), default=0)
    left = 22 + longest * _PER_CHARACTER
    step = (width - left) / max(len(kinds), 1)
    room = step - _COUNT - _GAP
    parts = [
        label(kind, (left + step * place, 16), "head")
        for place, kind in enumerate(kinds)
    ]
    for index, row in enumerate(rows):
        top = _TOP + _ROW * index
        middle = top + _ROW / 2
        parts.append(line((0, top), (width, top), "grid"))
        name = shorten(row.name, _CHARACTERS)
        parts.append(label(name, (0, middle + 5), "name"))
        for place, bar in enumerate(row.bars):
            parts.append(_bar(bar, (left + step * place, middle), room / limit))
    return parts, (width, _TOP + _ROW * len(rows) + 4)


def _draw_narrow(
    kinds: Sequence[str], rows: Sequence[BarRow], limit: float
) -> tuple[list[Markup], tuple[float, float]]:
    """A name, and below it a line for each kind."""
    width, step = 360.0, 22.0
    left = 14 + max((len(kind) for kind in kinds), default=0) * 6.4
    room = width - left - _COUNT
    tall = 24 + step * len(kinds) + 10
    parts = []
    for index, row in enumerate(rows):
        top = tall * index
        parts.append(label(shorten(row.name, 40), (0, top + 18), "name"))
        for place, (kind, bar) in enumerate(zip(kinds, row.bars, strict=True)):
            middle = top + 24 + step * (place + 0.5)
            parts.append(label(kind, (0, middle + 4), "tick"))
            parts.append(_bar(bar, (left, middle), room / limit))
    return parts, (width, tall * len(rows) + 4)


def _bar(bar: Bar, start: tuple[float, float], scale: float) -> Markup:
    """A bar from its start to the right, and its count behind it."""
    x, middle = start
    length = bar.share * scale if math.isfinite(bar.share) else 0.0
    length = max(length, _LEAST) if length > 0 else 0.0
    shape = element(
        "rect",
        x=x,
        y=middle - _THICK / 2,
        width=length,
        height=_THICK,
        class_="bar",
    )
    count = label(bar.count, (x + length + 5, middle + 4), "number")
    axis = line((x, middle - _ROW / 2 + 3), (x, middle + _ROW / 2 - 3), "link")
    return join((axis, shape, count) if length else (axis, count))


def _describe(row: BarRow, kinds: Sequence[str]) -> str:
    """A row in words, for screen readers."""
    pairs = zip(kinds, row.bars, strict=True)
    return f"{row.name}: {', '.join(f'{kind} {bar.count}' for kind, bar in pairs)}."
