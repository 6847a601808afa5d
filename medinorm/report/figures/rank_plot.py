"""How probable each rank of each variant is, as circles whose area is the share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medinorm.report.figures.svg import decimal, element, figure, label, line, shorten

_STEP, _HEIGHT = 62.0, 52.0
_RADIUS = 15.0  # of a rank that is certain
_CHARACTERS = 30
_PER_CHARACTER = 7.4
_SEEN = 0.005  # smaller shares round to nothing


@dataclass(frozen=True)
class RankShares:
    """One variant.

    Args:
        name: what it is called.
        shares: of the resamples in which it has each rank, from rank 1 on.
    """

    name: str
    shares: Sequence[float]


def draw_rank_shares(variants: Sequence[RankShares], title: str) -> Markup:
    """Draw a row for each variant and a column for each rank.

    Args:
        variants: best first.
        title: what the figure shows.
    """
    longest = max((len(shorten(v.name, _CHARACTERS)) for v in variants), default=0)
    left = 16 + longest * _PER_CHARACTER
    ranks = max((len(variant.shares) for variant in variants), default=0)
    width = left + _STEP * ranks + 8
    parts = [
        label(f"rank {rank + 1}", (left + _STEP * (rank + 0.5), 16), "tick", "middle")
        for rank in range(ranks)
    ]
    for index, variant in enumerate(variants):
        parts += _draw_row(variant, left, 26 + _HEIGHT * index, width)
    likely = [
        f"{v.name}: rank {_find_likely(v.shares) + 1}" for v in variants if v.shares
    ]
    return figure(
        parts,
        (width, 30 + _HEIGHT * len(variants)),
        title,
        f"The most frequent rank of each variant. {'; '.join(likely)}.",
    )


def _draw_row(
    variant: RankShares, left: float, top: float, width: float
) -> list[Markup]:
    """One variant: a line, its name, its circles with their shares."""
    middle = top + 20
    parts = [
        line((0, top), (width, top), "grid"),
        label(shorten(variant.name, _CHARACTERS), (8, middle + 5), "name"),
    ]
    for rank, share in enumerate(variant.shares):
        if share >= _SEEN:
            x = left + _STEP * (rank + 0.5)
            radius = _RADIUS * math.sqrt(share)
            parts += [
                element("path", d=_trace_circle(x, middle, radius), class_="outside"),
                label(f"{share:.0%}", (x, middle + 28), "tick", "middle"),
            ]
    return parts


def _find_likely(shares: Sequence[float]) -> int:
    """Position of the largest share."""
    return max(range(len(shares)), key=shares.__getitem__)


def _trace_circle(x: float, y: float, radius: float) -> str:
    """A circle as a path: the style of what is out of domain is that of paths."""
    r, turn = decimal(radius), decimal(2 * radius)
    arcs = f"a{r} {r} 0 1 0 {turn} 0a{r} {r} 0 1 0 -{turn} 0z"
    return f"M{decimal(x - radius)} {decimal(y)}{arcs}"
