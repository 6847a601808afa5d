"""Intensities by domain: one ridge a domain, one curve a label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from medinorm.report.figures.svg import (
    Axis,
    element,
    figure,
    join,
    label,
    line,
    shorten,
)

_WIDTH, _NARROW = 980.0, 360.0
_ROW = 86.0
_BOTTOM = 46.0
_CHARACTERS = 30
_PER_CHARACTER = 8.2
_BINS = 96
_ROOM = 2  # more bins at each end, so that curves come to an end
# Above this ratio, the narrowest domain would be invisible on a linear axis.
_LOG_RATIO = 30.0

COLOURS = 8  # classes `label-0` to `label-7` of the style sheet


@dataclass(frozen=True)
class Ridge:
    """The intensities of one domain.

    Args:
        domain: its name.
        samples: intensities by label, of all scans together.
    """

    domain: str
    samples: Mapping[str, NDArray[np.floating]]


def draw_ridges(
    ridges: Sequence[Ridge],
    labels: Sequence[str],
    what: str = "intensity as stored, before harmonization",
    *,
    narrow: bool = False,
) -> Markup:
    """Draw the distribution of intensities inside each label, one row a domain.

    Args:
        ridges: the domains.
        labels: names of the labels; their order gives the colours.
        what: title of the axis.
        narrow: whether it is for the width of a telephone: names above their curves.
    """
    longest = max((len(shorten(r.domain, _CHARACTERS)) for r in ridges), default=0)
    width = _NARROW if narrow else _WIDTH
    span = (12.0 if narrow else 24 + longest * _PER_CHARACTER), width - 16
    edges, axis, logarithmic = _bins(ridges, span)
    height = _ROW * len(ridges) + _BOTTOM
    rise = _ROW - 20 if narrow else 10.0  # of a name above its base line
    rows = [
        _row(ridge, labels, edges, axis, (_ROW * (index + 1), rise))
        for index, ridge in enumerate(ridges)
    ]
    unit = "logarithmic axis" if logarithmic else "linear axis"
    title = what if narrow else f"{what} ({unit}, common to all)"
    foot = label(title, (sum(span) / 2, height - 8), "axis", "middle")
    return figure(
        [_frame(axis, height, logarithmic=logarithmic), *rows, foot],
        (width, height),
        "Intensities inside each label by domain",
        "One row a domain, one curve a label; each curve has the same area.",
    )


def _bins(
    ridges: Sequence[Ridge], span: tuple[float, float]
) -> tuple[NDArray[np.float64], Axis, bool]:
    """Bin edges, the axis (of logarithms where that is used) and whether it is."""
    bounds = [
        np.quantile(sample, [0.001, 0.5, 0.999])
        for ridge in ridges
        for sample in ridge.samples.values()
        if sample.size
    ]
    if not bounds:
        return np.linspace(0.0, 1.0, _BINS + 1), Axis(0.0, 1.0, *span), False
    lows, middles, highs = np.transpose(bounds)
    low, high = float(lows.min()), float(highs.max())
    middle = middles[middles > 0]
    logarithmic = bool(
        middle.size == middles.size and middle.max() / middle.min() > _LOG_RATIO
    )
    if logarithmic:
        low, high = np.log10(max(low, float(middle.min()) / 10)), np.log10(high)
    high = high if high > low else low + 1.0
    room = _ROOM * (high - low) / _BINS
    low, high = low - room, high + room
    edges = np.linspace(low, high, _BINS + 2 * _ROOM + 1)
    axis = Axis(float(low), float(high), *span)
    return (10**edges if logarithmic else edges), axis, logarithmic


def _frame(axis: Axis, height: float, *, logarithmic: bool) -> Markup:
    """Grid lines and tick labels."""
    parts = []
    ticks = axis.ticks(8 if axis.end > _NARROW else 4)
    if logarithmic:
        ticks = [tick for tick in ticks if tick == round(tick)]
    for tick in ticks:
        x = axis(tick)
        shown = f"{10**tick:,.6g}" if logarithmic else f"{tick:,.6g}"
        parts.append(line((x, 4), (x, height - _BOTTOM), "grid"))
        parts.append(label(shown, (x, height - _BOTTOM + 17), "tick", "middle"))
    return join(parts)


def _row(
    ridge: Ridge,
    labels: Sequence[str],
    edges: NDArray[np.float64],
    axis: Axis,
    place: tuple[float, float],
) -> Markup:
    """One domain: its name, its base line and a curve for each label."""
    base, rise = place
    parts = [
        label(shorten(ridge.domain, _CHARACTERS), (8, base - rise), "name"),
        line((axis.start, base), (axis.end, base), "rule"),
    ]
    shares = {
        name: np.histogram(sample, edges)[0] / max(sample.size, 1)
        for name, sample in ridge.samples.items()
    }
    # Values that were cut at a limit are all in one bin there, which hides the others.
    shown = slice(_ROOM + 1, -_ROOM - 1)
    inner = max((float(share[shown].max()) for share in shares.values()), default=0.0)
    peak = inner or max((float(s.max()) for s in shares.values()), default=0.0)
    positions = np.linspace(axis.start, axis.end, edges.size - 1)
    for name, share in shares.items():
        if peak > 0 and share.any():
            heights = base - np.minimum(share / peak, 1.0) * (_ROW - 14)
            colour = f"label-{labels.index(name) % COLOURS}"
            parts.append(_curve(positions, heights, base, colour))
    return element("g", *parts)


def _curve(
    x: NDArray[np.float64], y: NDArray[np.float64], base: float, colour: str
) -> Markup:
    """One filled curve, from its first voxel to its last."""
    drawn = np.flatnonzero(y < base)
    visible = slice(max(int(drawn[0]) - 1, 0), int(drawn[-1]) + 2)
    x, y = x[visible], y[visible]
    points = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    outline = f"M{x[0]:.1f} {base:.1f}L{points}L{x[-1]:.1f} {base:.1f}z"
    return element("path", d=outline, class_=f"density {colour}")
