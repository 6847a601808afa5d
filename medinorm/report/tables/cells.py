"""Tables as the page shows them: formatted cells that still sort by their value."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from medinorm.report.figures.svg import ABSENT
from medinorm.report.findings import or_nan

_LONG_WORD = 14  # characters


@dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        text: what is read.
        sort: what it sorts by, a number or text.
        detail: smaller text behind it, such as an interval.
        class_: class of the style sheet.
    """

    text: str
    sort: float | str
    detail: str = ""
    class_: str = ""

    @property
    def key(self) -> str:
        """The sort key as text; an absent number sorts last."""
        if isinstance(self.sort, float) and not math.isfinite(self.sort):
            return ""
        return str(self.sort)


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Args:
        name: its title.
        unit: unit, or range and direction; empty for words.
        numeric: whether it holds numbers, which are aligned to the right.
    """

    name: str
    unit: str = ""
    numeric: bool = True

    @property
    def style(self) -> str:
        """Its classes; only a long word is broken, so that a column may be narrow."""
        longest = max(map(len, self.name.split()), default=0)
        kind = "numeric" if self.numeric else "words"
        return f"{kind} broken" if longest > _LONG_WORD else kind


@dataclass(frozen=True)
class Table:
    """A table that can be sorted by a click on a head.

    Args:
        caption: what it shows and how to read it.
        columns: its heads.
        rows: its cells.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def word(text: str | None, class_: str = "") -> Cell:
    """A cell of words, or a dash."""
    return Cell(text or ABSENT, (text or "").lower(), class_=class_)


def number(value: float | None, decimals: int) -> Cell:
    """A number with fixed decimals, or a dash.

    Examples:
        >>> number(0.81234, 3).text, number(None, 3).text == ABSENT
        ('0.812', True)
    """
    sort = or_nan(value)
    shown = f"{sort:,.{decimals}f}" if math.isfinite(sort) else ABSENT
    return Cell(shown.replace("-", "\N{MINUS SIGN}"), sort)


def estimate(
    value: float | None,
    low: float | None,
    high: float | None,
    *,
    signed: bool = False,
) -> Cell:
    """An estimate with its interval, three decimals.

    Args:
        value: the estimate.
        low: lower end of its interval.
        high: upper end.
        signed: whether a plus is shown.

    Examples:
        >>> estimate(0.1, 0.05, 0.2)
        Cell(text='0.100', sort=0.1, detail='0.050 to 0.200', class_='')
    """
    return Cell(_decimal(value, signed=signed), or_nan(value), interval(low, high))


def interval(low: float | None, high: float | None) -> str:
    """An interval as words; empty where there is none."""
    if low is None or high is None:
        return ""
    return f"{_decimal(low)} to {_decimal(high)}"


def _decimal(value: float | None, *, signed: bool = False) -> str:
    """Three decimals with a true minus sign, or a dash."""
    if value is None or not math.isfinite(value):
        return ABSENT
    return f"{value:{'+' if signed else ''}.3f}".replace("-", "\N{MINUS SIGN}")
