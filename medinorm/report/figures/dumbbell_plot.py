"""The key figure: Dice on known and on unseen domains, one row a variant."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medinorm.domain_noun import DomainNoun
from medinorm.report.figures.svg import (
    ABSENT,
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

_WIDTH = 980.0
_ROW = 42.0
_TOP = 40.0
_BOTTOM = 48.0
_RIGHT = 258.0  # three columns of numbers
_CHARACTERS = 40
_PER_CHARACTER = 7.6
_RADIUS = 6.5


@dataclass(frozen=True)
class DiceInterval:
    """An estimate of Dice with its interval; not-a-number where there is none.

    Args:
        value: the estimate.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def known(self) -> bool:
        """Whether there is an estimate at all."""
        return math.isfinite(self.value)

    @property
    def bounded(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)


@dataclass(frozen=True)
class VariantRow:
    """One row of the key figure, all in Dice.

    Args:
        name: the variant.
        inside: on domains the network was trained on.
        outside: on domains it never saw.
        gap: the difference, on the same scans.
        new: where the next new domain is expected.
    """

    name: str
    inside: DiceInterval
    outside: DiceInterval
    gap: DiceInterval
    new: DiceInterval


def draw_dumbbells(
    rows: Sequence[VariantRow], confidence: float, noun: DomainNoun
) -> Markup:
    """Draw in-domain and out-of-domain Dice of each variant, joined by the gap.

    Args:
        rows: the rows, in the order in which they are drawn.
        confidence: level of the intervals, a fraction.
        noun: what a domain is called.
    """
    longest = max((len(shorten(row.name, _CHARACTERS)) for row in rows), default=0)
    left = 24 + longest * _PER_CHARACTER
    axis = fitting_axis(_extent(rows), (left, _WIDTH - _RIGHT))
    height = _TOP + _ROW * len(rows) + _BOTTOM
    drawn = (
        _row(row, axis, _TOP + _ROW * (index + 0.5), noun)
        for index, row in enumerate(rows)
    )
    return figure(
        [_frame(axis, height), *drawn],
        (_WIDTH, height),
        "In-domain and out-of-domain Dice of each variant",
        f"Circles: {noun.many} seen in training; diamonds: {noun.many} never seen. "
        f"Lines: {confidence:.0%} intervals. Sorted by out-of-domain Dice, "
        f"{rows[0].name if rows else 'none'} first.",
    )


def _extent(rows: Sequence[VariantRow]) -> list[float]:
    """What the axis must show: estimates and their intervals, not the predictions."""
    intervals = [interval for row in rows for interval in (row.inside, row.outside)]
    return [end for one in intervals for end in (one.value, one.low, one.high)]


def _frame(axis: Axis, height: float) -> Markup:
    """Grid lines, tick labels, axis title and heads of the number columns."""
    bottom = height - _BOTTOM
    parts = []
    for tick, text in name_ticks(axis.ticks()):
        x = axis(tick)
        parts.append(line((x, _TOP - 6), (x, bottom), "grid"))
        parts.append(label(text, (x, bottom + 18), "tick", "middle"))
    middle = (axis.start + axis.end) / 2
    title = "Dice (0 to 1, higher is better), mean over labels"
    parts.append(label(title, (middle, bottom + 38), "axis", "middle"))
    for column, head in zip(
        _columns(), ("in-domain", "out-of-domain", "gap"), strict=True
    ):
        parts.append(label(head, (column, _TOP - 16), "head", "end"))
    return join(parts)


def _columns() -> tuple[float, float, float]:
    """Right edges of the three columns of numbers."""
    return _WIDTH - 172, _WIDTH - 72, _WIDTH - 8


def _row(row: VariantRow, axis: Axis, y: float, noun: DomainNoun) -> Markup:
    """One variant: name, prediction band, link, two marks with intervals, numbers."""
    parts = [
        element("title", _describe(row, noun)),
        line((8, y + _ROW / 2), (_WIDTH - 8, y + _ROW / 2), "rule"),
        label(shorten(row.name, _CHARACTERS), (8, y + 5), "name"),
    ]
    if row.new.bounded:
        parts.append(_band(row.new, axis, y))
    if row.inside.known and row.outside.known:
        ends = (axis(row.inside.value), y - 5), (axis(row.outside.value), y + 5)
        parts.append(line(*ends, "link"))
    parts.append(_whisker(row.inside, axis, y - 5, "inside"))
    parts.append(_whisker(row.outside, axis, y + 5, "outside"))
    if row.inside.known:
        x = axis(row.inside.value)
        parts.append(element("circle", cx=x, cy=y - 5, r=_RADIUS, class_="inside"))
    if row.outside.known:
        parts.append(_diamond(axis(row.outside.value), y + 5))
    parts.append(_numbers(row, y))
    return element("g", *parts)


def _describe(row: VariantRow, noun: DomainNoun) -> str:
    """The row in words, shown when the pointer is on it."""
    return (
        f"{row.name}: known {noun.many} {_short(row.inside.value)}, "
        f"unseen {noun.many} {_short(row.outside.value)}, "
        f"gap {_short(row.gap.value)}"
    )


def _band(new: DiceInterval, axis: Axis, y: float) -> Markup:
    """Where the next new domain is expected; the axis may cut it."""
    low, high = axis(new.low), axis(new.high)
    return element("rect", x=low, y=y - 13, width=high - low, height=26, class_="band")


def _whisker(interval: DiceInterval, axis: Axis, y: float, class_: str) -> Markup:
    """The line of an interval."""
    if not interval.bounded:
        return Markup("")
    ends = (axis(interval.low), y), (axis(interval.high), y)
    return line(*ends, f"whisker {class_}")


def _diamond(x: float, y: float) -> Markup:
    """The mark of unseen domains."""
    size = _RADIUS + 1.5
    points = f"M{x:.2f} {y - size:.2f}l{size} {size}l-{size} {size}l-{size} -{size}z"
    return element("path", d=points, class_="outside")


def _numbers(row: VariantRow, y: float) -> Markup:
    """The estimates as text, at the right."""
    known, unseen, gap = _columns()
    return join(
        (
            label(_short(row.inside.value), (known, y + 5), "number", "end"),
            label(_short(row.outside.value), (unseen, y + 5), "number strong", "end"),
            label(_short(row.gap.value), (gap, y + 5), "number", "end"),
        )
    )


def _short(value: float) -> str:
    """Three decimals, or a dash where there is no value."""
    return f"{value:.3f}" if math.isfinite(value) else ABSENT
