"""Tables as the page shows them: formatted cells that still sort by their value."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from medinorm.files.tables import Row
from medinorm.report.figures.svg import ABSENT
from medinorm.report.findings import number


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
        numeric: whether it holds numbers, which stand to the right.
    """

    name: str
    unit: str = ""
    numeric: bool = True


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


def word(text: str, class_: str = "") -> Cell:
    """A cell of plain text."""
    return Cell(text or ABSENT, text.lower(), class_=class_)


def figures(text: str | None, decimals: int) -> Cell:
    """A number with fixed decimals, or a dash.

    Examples:
        >>> figures("0.81234", 3).text, figures("", 3).text == ABSENT
        ('0.812', True)
    """
    value = number(text)
    shown = f"{value:,.{decimals}f}" if math.isfinite(value) else ABSENT
    return Cell(shown, value)


def estimate(row: Row, name: str, *, signed: bool = False) -> Cell:
    """An estimate with its interval, three decimals.

    Args:
        row: holds `name`, `name_low` and `name_high`.
        name: the column.
        signed: whether a plus is shown.

    Examples:
        >>> estimate({"gap": "0.1", "gap_low": "0.05", "gap_high": ".2"}, "gap")
        Cell(text='0.100', sort=0.1, detail='0.050 to 0.200', class_='')
    """
    value = number(row.get(name))
    return Cell(_decimal(value, signed=signed), value, interval(row, name))


def interval(row: Row, name: str) -> str:
    """An interval as words; empty where there is none."""
    low, high = number(row.get(f"{name}_low")), number(row.get(f"{name}_high"))
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{_decimal(low)} to {_decimal(high)}"


def _decimal(value: float, *, signed: bool = False) -> str:
    """Three decimals with a true minus sign, or a dash."""
    if not math.isfinite(value):
        return ABSENT
    return f"{value:{'+' if signed else ''}.3f}".replace("-", "\N{MINUS SIGN}")
