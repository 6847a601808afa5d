"""From a study's tables to its figures."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

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
from medinorm.report.figures.svg import fitting_axis, show_by_width
from medinorm.report.findings import (
    ReportFindings,
    distinct,
    find_failed,
    or_nan,
    scan_means,
)
from medinorm.report.tables.cells import Cell, Column, Table, number, word

FEW_DOMAINS = 4  # up to so many panels are below each other, more are side by side
_WIDE, _MEDIUM, _NARROW = 980.0, 480.0, 360.0


@dataclass(frozen=True)
class Panel:
    """A figure with a heading.

    Args:
        title: the heading.
        figure: the figure.
        narrow: the same for a narrow page, if it has a version of its own.
        table: the numbers of the figure.
    """

    title: str
    figure: Markup
    narrow: Markup | None = None
    table: Table | None = None

    @property
    def shown(self) -> Markup:
        """The figure, in both widths if there are two."""
        if self.narrow is None:
            return self.figure
        return show_by_width(self.figure, self.narrow)


def chart_variants(findings: ReportFindings, *, narrow: bool = False) -> Markup:
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
    level = findings.verdict.confidence
    return draw_dumbbells(rows, level, findings.noun, narrow=narrow)


def _interval(
    value: float | None, low: float | None, high: float | None
) -> DiceInterval:
    """An estimate and its interval."""
    return DiceInterval(or_nan(value), or_nan(low), or_nan(high))


def chart_heatmaps(findings: ReportFindings) -> tuple[Markup, list[Panel]]:
    """The shared colour scale, and one train-to-test heat map a variant."""
    rows = [row for row in findings.domains if row.label == MEAN]
    trained = name_train_sets(findings)
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
    panels = [
        Panel(
            matrix.title,
            draw_heatmap(matrix, scale),
            table=tabulate_matrix(
                matrix, f"{matrix.title}: Dice by what was trained and tested on"
            ),
        )
        for matrix in matrices
    ]
    return draw_scale(scale), panels


def tabulate_matrix(matrix: Matrix, caption: str) -> Table:
    """The numbers of a heat map, for those who cannot see it or want to copy them."""
    rows = [
        [
            word(name, "name"),
            *(_cell(matrix, (name, column)) for column in matrix.columns),
        ]
        for name in matrix.rows
    ]
    columns = [Column("Row", numeric=False), *map(Column, matrix.columns)]
    return Table(f"{caption}.", columns, rows)


def _cell(matrix: Matrix, cell: tuple[str, str]) -> Cell:
    """One number of a heat map, and whether its frame says that it was never seen."""
    shown = number(matrix.values.get(cell), 3)
    return replace(shown, detail="never seen") if cell in matrix.unseen else shown


def name_train_sets(findings: ReportFindings) -> dict[str, str]:
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
    failed = find_failed(findings.held_out)
    axis = fitting_axis(list(means.values()), (0.0, 1.0))
    domains = distinct(domain for _, domain, _ in means)
    width = _WIDE if len(domains) <= FEW_DOMAINS else _MEDIUM
    panels = []
    for domain in sorted(domains):
        values: dict[str, Sequence[float]] = {}
        crossed: dict[str, Sequence[int]] = {}
        for variant in findings.variants:
            keys = [key for key in means if key[:2] == (variant, domain)]
            name = findings.names[variant]
            values[name] = [means[key] for key in keys]
            crossed[name] = [i for i, key in enumerate(keys) if key in failed]
        strips = partial(
            draw_strips, domain, values, (axis.low, axis.high), failed=crossed
        )
        scans = max((_count(scores) for scores in values.values()), default=0)
        title = f"{domain} ({scans} scan{'' if scans == 1 else 's'})"
        panels.append(Panel(title, strips(width), strips(_NARROW, narrow=True)))
    return panels


def _count(scores: Sequence[float]) -> int:
    """How many scores are numbers."""
    return sum(map(math.isfinite, scores))
