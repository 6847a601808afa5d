"""From a study's tables to its figures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medinorm.files.tables import Row
from medinorm.report.figures.dumbbell_plot import Interval, Pair, draw_dumbbells
from medinorm.report.figures.heatmap import (
    Matrix,
    draw_heatmap,
    draw_scale,
    shared_scale,
)
from medinorm.report.figures.strip_plot import draw_strips
from medinorm.report.figures.svg import fitting_axis
from medinorm.report.findings import (
    MEAN,
    Findings,
    distinct,
    number,
    scan_means,
    variant_of,
)

FEW_DOMAINS = 4  # so many distributions stand below, more beside each other
_WIDE, _NARROW = 980.0, 480.0


@dataclass(frozen=True)
class Panel:
    """A figure with a heading.

    Args:
        title: the heading.
        figure: the figure.
    """

    title: str
    figure: Markup


def chart_variants(findings: Findings) -> Markup:
    """The key figure: known against unseen domains."""
    pairs = [
        Pair(
            name=variant_of(row).name,
            inside=_interval(row, "in_domain"),
            outside=_interval(row, "out_domain"),
            gap=_interval(row, "gap"),
            new=Interval(
                number(row["out_domain"]),
                number(row.get("new_low")),
                number(row.get("new_high")),
            ),
        )
        for row in findings.summary
    ]
    return draw_dumbbells(pairs, findings.confidence, findings.noun)


def _interval(row: Row, name: str) -> Interval:
    """An estimate and its interval from one row."""
    low, high = number(row.get(f"{name}_low")), number(row.get(f"{name}_high"))
    return Interval(number(row.get(name)), low, high)


def chart_heatmaps(findings: Findings) -> tuple[Markup, list[Panel]]:
    """The shared colour scale, and one train-to-test heat map a variant."""
    rows = [row for row in findings.domains if row["label"] == MEAN]
    trained = _train_sets(findings)
    order = [name for name in trained if any(r["train_set"] == name for r in rows)]
    matrices = []
    for variant in findings.variants:
        own = [row for row in rows if variant_of(row) == variant]
        cells = {
            (trained.get(row["train_set"], row["train_set"]), row["domain"]): row
            for row in own
        }
        matrices.append(
            Matrix(
                title=variant.name,
                rows=[trained[name] for name in order],
                columns=findings.domain_names,
                values={cell: number(row["dice"]) for cell, row in cells.items()},
                unseen={c for c, row in cells.items() if row["in_domain"] == "no"},
                spoken="Rows: trained on; columns: tested on. Framed cells: the test "
                f"{findings.noun.one} was no part of the training.",
            )
        )
    scale = shared_scale(matrices)
    panels = [Panel(matrix.title, draw_heatmap(matrix, scale)) for matrix in matrices]
    return draw_scale(scale), panels


def _train_sets(findings: Findings) -> dict[str, str]:
    """Training sets in words, by their name; pooled first, then by design.

    The name of a training set is that of its splits without the fold.
    """
    trained: dict[str, set[str]] = {}
    designs: dict[str, str] = {}
    for row in findings.splits:
        name = row["split"].removesuffix(f"_fold-{row['fold']}")
        designs[name] = row["design"]
        found = trained.setdefault(name, set())
        if row["role"] == "train":
            found.add(row["domain"])
    ranks = {"pooled": 0, "lodo": 1, "single": 2}
    names = sorted(trained, key=lambda name: (ranks[designs[name]], name))
    everything = set(findings.domain_names)
    return {name: _in_words(designs[name], trained[name], everything) for name in names}


def _in_words(design: str, trained: set[str], everything: set[str]) -> str:
    """A training set in words.

    Examples:
        >>> _in_words("lodo", {"GE"}, {"GE", "Philips"})
        'all but Philips'
    """
    if design == "pooled":
        return "all domains"
    if design == "lodo":
        return "all but " + ", ".join(sorted(everything - trained))
    return "only " + ", ".join(sorted(trained))


def chart_distributions(findings: Findings) -> list[Panel]:
    """For each unseen domain, the Dice of its scans by variant."""
    means = scan_means(findings.held_out)
    axis = fitting_axis(list(means.values()), (0.0, 1.0))
    domains = distinct(domain for _, domain, _ in means)
    width = _WIDE if len(domains) <= FEW_DOMAINS else _NARROW
    panels = []
    for domain in sorted(domains):
        values: dict[str, Sequence[float]] = {
            variant.name: [
                value
                for (of, where, _), value in means.items()
                if of == variant and where == domain
            ]
            for variant in findings.variants
        }
        limits = axis.low, axis.high
        scans = max((_count(scores) for scores in values.values()), default=0)
        title = f"{domain} ({scans} scan{'' if scans == 1 else 's'})"
        panels.append(Panel(title, draw_strips(domain, values, limits, width)))
    return panels


def _count(scores: Sequence[float]) -> int:
    """How many scores are numbers."""
    return sum(map(math.isfinite, scores))
