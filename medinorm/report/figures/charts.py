"""From a study's tables to its figures."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medinorm.method_names import DESIGN_DECLARATIONS
from medinorm.records.evidence import MEAN
from medinorm.report.figures.dumbbell_plot import (
    DiceInterval,
    VariantRow,
    draw_dumbbells,
)
from medinorm.report.figures.heatmap import (
    Matrix,
    draw_heatmap,
    draw_scale,
    shared_scale,
)
from medinorm.report.figures.strip_plot import draw_strips
from medinorm.report.figures.svg import fitting_axis
from medinorm.report.findings import (
    ReportFindings,
    distinct,
    or_nan,
    scan_means,
)

FEW_DOMAINS = 4  # up to so many panels are below each other, more are side by side
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


def chart_variants(findings: ReportFindings) -> Markup:
    """The key figure: known against unseen domains."""
    rows = [
        VariantRow(
            name=findings.names[row.variant],
            inside=_interval(row.in_domain, row.in_domain_low, row.in_domain_high),
            outside=_interval(row.out_domain, row.out_domain_low, row.out_domain_high),
            gap=_interval(row.gap, row.gap_low, row.gap_high),
            new=_interval(row.out_domain, row.new_low, row.new_high),
        )
        for row in findings.summary
    ]
    return draw_dumbbells(rows, findings.verdict.confidence, findings.noun)


def _interval(
    value: float | None, low: float | None, high: float | None
) -> DiceInterval:
    """An estimate and its interval."""
    return DiceInterval(or_nan(value), or_nan(low), or_nan(high))


def chart_heatmaps(findings: ReportFindings) -> tuple[Markup, list[Panel]]:
    """The shared colour scale, and one train-to-test heat map a variant."""
    rows = [row for row in findings.domains if row.label == MEAN]
    trained = _train_sets(findings)
    scored = {row.train_set for row in rows}
    matrices = []
    for variant in findings.variants:
        cells = {
            (trained.get(row.train_set, row.train_set), row.domain): row
            for row in rows
            if row.variant == variant
        }
        matrices.append(
            Matrix(
                title=findings.names[variant],
                rows=[words for name, words in trained.items() if name in scored],
                columns=findings.domain_names,
                values={cell: or_nan(row.dice) for cell, row in cells.items()},
                unseen={cell for cell, row in cells.items() if not row.in_domain},
                description="Rows: trained on; columns: tested on. Framed cells: the "
                f"test {findings.noun.one} was no part of the training.",
            )
        )
    scale = shared_scale(matrices)
    panels = [Panel(matrix.title, draw_heatmap(matrix, scale)) for matrix in matrices]
    return draw_scale(scale), panels


def _train_sets(findings: ReportFindings) -> dict[str, str]:
    """Training sets in words, by their name; in the order of the designs.

    The name of a training set is that of its splits without the fold.
    """
    trained: dict[str, set[str]] = {}
    tested: dict[str, set[str]] = {}
    designs: dict[str, str] = {}
    for row in findings.splits:
        name = row.split.removesuffix(f"_fold-{row.fold}")
        designs[name] = row.design
        for role, domains_of in (("train", trained), ("test", tested)):
            domains = domains_of.setdefault(name, set())
            if row.role == role:
                domains.add(row.domain)
    ranks = list(DESIGN_DECLARATIONS)
    names = sorted(trained, key=lambda name: (ranks.index(designs[name]), name))
    everything = set().union(*trained.values())  # others only test
    return {
        name: _in_words(designs[name], trained[name], everything, tested[name])
        for name in names
    }


def _in_words(
    design: str, trained: set[str], everything: set[str], tested: Iterable[str] = ()
) -> str:
    """A training set in words.

    Examples:
        >>> _in_words("lodo", {"GE"}, {"GE", "Philips"})
        'all but Philips'
    """
    shown: str = DESIGN_DECLARATIONS[design].facts["shown"]
    return shown.format(
        trained=", ".join(sorted(trained)),
        others=", ".join(sorted(everything - trained)),
        tested=", ".join(sorted(tested)),
    )


def chart_distributions(findings: ReportFindings) -> list[Panel]:
    """For each unseen domain, the Dice of its scans by variant."""
    means = scan_means(findings.held_out)
    axis = fitting_axis(list(means.values()), (0.0, 1.0))
    domains = distinct(domain for _, domain, _ in means)
    width = _WIDE if len(domains) <= FEW_DOMAINS else _NARROW
    panels = []
    for domain in sorted(domains):
        values: dict[str, Sequence[float]] = {
            findings.names[variant]: [
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
