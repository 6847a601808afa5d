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

_TOP = 40.0
_BOTTOM = 48.0
_PER_CHARACTER = 7.6
_RADIUS = 6.5
_BEYOND = 0.25  # share of the axis by which it grows to show predictions whole
_ARROW = 7.0


@dataclass(frozen=True)
class _DumbbellSheet:
    """How the figure is laid out.

    Args:
        width: of the figure.
        row: height of a row.
        characters: of a name; a longer one is cut.
        columns: right edges of in-domain, out-of-domain and gap.
        beside: whether names are beside the marks, else above them.
        drop: how far the marks are below the middle of their row.
    """

    width: float
    row: float
    characters: int
    columns: tuple[float, float, float]
    beside: bool
    drop: float


_WIDE = _DumbbellSheet(980.0, 42.0, 40, (808.0, 908.0, 972.0), beside=True, drop=0.0)
_NARROW = _DumbbellSheet(
    360.0, 62.0, 20, (236.0, 296.0, 352.0), beside=False, drop=14.0
)


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
    rows: Sequence[VariantRow],
    confidence: float,
    noun: DomainNoun,
    *,
    narrow: bool = False,
) -> Markup:
    """Draw in-domain and out-of-domain Dice of each variant, joined by the gap.

    Estimates and their intervals are whole. A prediction interval that goes beyond the
    axis has an arrow at that end.

    Args:
        rows: the rows, in the order in which they are drawn.
        confidence: level of the intervals, a fraction.
        noun: what a domain is called.
        narrow: whether it is for the width of a telephone.
    """
    sheet = _NARROW if narrow else _WIDE
    longest = max((len(shorten(row.name, sheet.characters)) for row in rows), default=0)
    left, right = 24 + longest * _PER_CHARACTER, sheet.columns[0] - 86
    axis = _fit_axis(rows, (left, right) if sheet.beside else (14, sheet.width - 14))
    height = _TOP + sheet.row * len(rows) + _BOTTOM
    drawn = (
        _row(row, axis, _TOP + sheet.row * (index + 0.5), noun, sheet)
        for index, row in enumerate(rows)
    )
    return figure(
        [_frame(axis, height, sheet), *drawn],
        (sheet.width, height),
        "In-domain and out-of-domain Dice of each variant",
        f"Circles: {noun.many} seen in training; diamonds: {noun.many} never seen. "
        f"Lines: {confidence:.0%} intervals. Sorted by out-of-domain Dice, "
        f"{rows[0].name if rows else 'none'} first. "
        + " ".join(f"{_describe(row, noun)}." for row in rows),
    )


def _fit_axis(rows: Sequence[VariantRow], span: tuple[float, float]) -> Axis:
    """The axis: estimates and intervals whole; predictions if that costs little."""
    intervals = [interval for row in rows for interval in (row.inside, row.outside)]
    whole = [end for one in intervals for end in (one.value, one.low, one.high)]
    axis = fitting_axis(whole, span)
    room = _BEYOND * (axis.high - axis.low)
    near = [
        end
        for row in rows
        for end in (row.new.low, row.new.high)
        if axis.low - room <= end <= axis.high + room
    ]
    return fitting_axis([*whole, *near], span)


def _frame(axis: Axis, height: float, sheet: _DumbbellSheet) -> Markup:
    """Grid lines, tick labels, axis title and heads of the number columns."""
    bottom = height - _BOTTOM
    parts = []
    for tick, text in name_ticks(axis.ticks(6 if sheet.beside else 4)):
        x = axis(tick)
        parts.append(line((x, _TOP - 6), (x, bottom), "grid"))
        parts.append(label(text, (x, bottom + 18), "tick", "middle"))
    middle = (axis.start + axis.end) / 2
    title = "Dice (0 to 1, higher is better), mean over labels"
    parts.append(label(title, (middle, bottom + 38), "axis", "middle"))
    heads = "in-domain", "out-of-domain" if sheet.beside else "out", "gap"
    for column, head in zip(sheet.columns, heads, strict=True):
        parts.append(label(head, (column, _TOP - 16), "head", "end"))
    return join(parts)


def _row(
    row: VariantRow, axis: Axis, middle: float, noun: DomainNoun, sheet: _DumbbellSheet
) -> Markup:
    """One variant: name, prediction band, link, two marks with intervals, numbers."""
    y, text = middle + sheet.drop, middle + 5 - sheet.drop
    foot = middle + sheet.row / 2
    parts = [
        element("title", _describe(row, noun)),
        line((8, foot), (sheet.width - 8, foot), "rule"),
        label(shorten(row.name, sheet.characters), (8, text), "name"),
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
    parts.append(_numbers(row, text, sheet))
    return element("g", *parts)


def _describe(row: VariantRow, noun: DomainNoun) -> str:
    """The row in words, shown when the pointer is on it."""
    return (
        f"{row.name}: known {noun.many} {_short(row.inside.value)}, "
        f"unseen {noun.many} {_short(row.outside.value)}, "
        f"gap {_short(row.gap.value)}"
    )


def _band(new: DiceInterval, axis: Axis, y: float) -> Markup:
    """Where the next new domain is expected; an arrow where the axis cuts it."""
    low, high = axis(new.low), axis(new.high)
    shape = {"x": low, "y": y - 13, "width": max(high - low, 1.0), "height": 26.0}
    arrows = (
        _arrow(low, y, 1.0) if new.low < axis.low else "",
        _arrow(high, y, -1.0) if new.high > axis.high else "",
    )
    return join((element("rect", class_="band", **shape), *arrows))


def _arrow(tip: float, y: float, towards: float) -> Markup:
    """An arrow at a cut end, with its base `towards` the middle of the figure."""
    base = tip + towards * _ARROW
    points = f"M{tip:.1f} {y:.1f}L{base:.1f} {y - _ARROW:.1f}V{y + _ARROW:.1f}z"
    return element("path", d=points, class_="cut")


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


def _numbers(row: VariantRow, y: float, sheet: _DumbbellSheet) -> Markup:
    """The estimates as text, at the right."""
    values = row.inside, row.outside, row.gap
    classes = "number", "number strong", "number"
    return join(
        label(_short(value.value), (column, y), class_, "end")
        for value, column, class_ in zip(values, sheet.columns, classes, strict=True)
    )


def _short(value: float) -> str:
    """Three decimals, or a dash where there is no value."""
    return f"{value:.3f}" if math.isfinite(value) else ABSENT
