"""Inline SVG from small pure functions: escaped, light, themed by the page's CSS.

Colours come from CSS classes, so that a figure follows light, dark and print. Lengths
are in the figure's own units; the page scales a figure to its column. A figure carries
its own name space and style, so that it is a whole file when it is saved.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from medinorm.report.figures.style import write_style
from medinorm.report.text.isolate import isolate

Attribute = str | float | int | None

NAMESPACE = "http://www.w3.org/2000/svg"

_SMALL = 660  # narrower figures are not stretched to the page's width
ABSENT = "\N{EN DASH}"  # in place of a value that is not there


def element(name: str, *children: str, **attributes: Attribute) -> Markup:
    """One SVG element; text is escaped, `Markup` is not.

    Args:
        name: the element's name.
        children: what it contains.
        attributes: underscores become hyphens and a trailing one is dropped, so
            ``class_`` is possible; ``None`` leaves an attribute out.

    Examples:
        >>> element("text", "a < b", x=1.5, text_anchor="end", class_="tick")
        Markup('<text x="1.5" text-anchor="end" class="tick">a &lt; b</text>')
    """
    words = [name]
    for key, value in attributes.items():
        if value is not None:
            shown = value if isinstance(value, str) else decimal(value)
            words.append(f'{key.rstrip("_").replace("_", "-")}="{escape(shown)}"')
    content = join(children)
    head = " ".join(words)
    # All parts are escaped above.
    return Markup(f"<{head}>{content}</{name}>" if content else f"<{head}/>")  # noqa: S704


def join(parts: Iterable[str]) -> Markup:
    """Several pieces as one; text among them that is not markup is escaped."""
    return Markup("").join(
        piece if isinstance(piece, Markup) else isolate(piece) for piece in parts
    )


def decimal(value: float) -> str:
    """A coordinate with two decimals, without trailing zeros.

    Examples:
        >>> decimal(3.0), decimal(2.349), decimal(-0.001)
        ('3', '2.35', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def figure(
    children: Iterable[str], size: tuple[float, float], title: str, description: str
) -> Markup:
    """A whole figure that a screen reader can announce, and that can be saved as it is.

    Args:
        children: its elements.
        size: width and height, in the figure's units.
        title: what it shows, in a few words.
        description: what is to be seen, in a sentence.
    """
    width, height = size
    content = join(children)
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        element("style", write_style(content)),
        content,
        xmlns=NAMESPACE,
        viewBox=f"0 0 {decimal(width)} {decimal(height)}",
        width=width,
        height=height,
        class_="small" if width < _SMALL else None,
        role="img",
        aria_label=isolate(f"{title}. {description}"),
    )


def label(
    content: str, at: tuple[float, float], class_: str, anchor: str | None = None
) -> Markup:
    """A line of text whose baseline starts (or ends, by `anchor`) at a point."""
    x, y = at
    return element("text", content, x=x, y=y, class_=class_, text_anchor=anchor)


def line(start: tuple[float, float], end: tuple[float, float], class_: str) -> Markup:
    """A straight line."""
    return element(
        "line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=class_
    )


def show_by_width(wide: Markup, narrow: Markup) -> Markup:
    """Two versions of one figure: the page shows the one that fits its width."""
    return join(
        element("div", drawn, class_=class_)
        for drawn, class_ in ((wide, "at-wide"), (narrow, "at-narrow"))
    )


def shorten(text: str, characters: int) -> str:
    """Text cut to a number of characters, with an ellipsis.

    Examples:
        >>> shorten("Siemens Skyra 3T", 10)
        'Siemens S…'
    """
    return text if len(text) <= characters else text[: characters - 1] + "…"


@dataclass(frozen=True)
class Axis:
    """A linear scale from values to positions.

    Args:
        low: the value at `start`.
        high: the value at `end`; larger than `low`.
        start: position of `low`.
        end: position of `high`.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Position of a value; values beyond the scale are drawn at its end."""
        inside = min(max(value, self.low), self.high)
        share = (inside - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, count: int = 6) -> list[float]:
        """Round values along the axis, about `count` of them.

        Examples:
            >>> Axis(0.5, 1.0, 0, 100).ticks(5)
            [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
        """
        step = _round_step((self.high - self.low) / max(count, 1))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(index * step, 10) for index in range(first, last + 1)]


def name_ticks(ticks: Sequence[float]) -> list[tuple[float, str]]:
    """Each tick of a score with its text: as many decimals as distinguish them.

    Examples:
        >>> name_ticks([0.6, 0.7]), name_ticks([0.62, 0.64])
        ([(0.6, '0.6'), (0.7, '0.7')], [(0.62, '0.62'), (0.64, '0.64')])
    """
    exact = all(abs(tick * 10 - round(tick * 10)) < 1e-6 for tick in ticks)
    return [(tick, f"{tick:.{1 if exact else 2}f}") for tick in ticks]


def fitting_axis(
    values: Sequence[float], span: tuple[float, float], step: float = 0.1
) -> Axis:
    """The axis of a score between 0 and 1 that shows all finite `values`.

    Args:
        values: what must be visible; not-a-number is ignored.
        span: positions of the axis' ends.
        step: the ends are multiples of this.

    Examples:
        >>> axis = fitting_axis([0.62, 0.81, float("nan")], (0, 100))
        >>> axis.low, axis.high
        (0.6, 0.9)
    """
    finite = [min(max(value, 0.0), 1.0) for value in values if math.isfinite(value)]
    low = math.floor(min(finite, default=0.0) / step + 1e-9) * step
    high = math.ceil(max(finite, default=1.0) / step - 1e-9) * step
    if high - low < step / 2:
        low, high = max(low - step, 0.0), min(high + step, 1.0)
    return Axis(round(low, 10), round(high, 10), *span)


def _round_step(step: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(
        factor * power for factor in (1, 2, 5, 10) if factor * power >= step * 0.999
    )
