"""Whether the networks learned, from the histories of their runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, median

import numpy as np

from medinorm.columns.cases import Cases
from medinorm.errors import MedinormError
from medinorm.evidence.before_ranking.run_records import run_of, runs_of
from medinorm.files.records import read_records
from medinorm.records.evidence import CurveRow
from medinorm.records.history import HistoryRow
from medinorm.variant import Variant

# An empty answer has Dice 0; a network that knows more than nothing is above this.
LEAST_DICE = 0.1
# Of all that the loss fell since the first quarter of training: the part that it fell
# in the last. A straight line falls by a third of it there.
MOST_FALL = 0.25
# Of the loss itself: a smaller fall in the last quarter is chance.
_LEAST_FALL = 0.02


def tabulate_curves(cases: Cases, runs: Path) -> Iterator[CurveRow]:
    """The histories of all runs as one table; a run without one is left out.

    Args:
        cases: all cases; their runs are looked up.
        runs: folder of all trained networks.
    """
    for variant, trained in runs_of(cases).items():
        for split, seed in trained:
            path = run_of(runs, variant, split, seed) / "history.tsv"
            try:
                history = read_records(path, HistoryRow)
            except MedinormError:
                continue  # of an older version, or lost: the weights are what counts
            for row in history:
                yield CurveRow(
                    variant=variant,
                    split=split,
                    seed=seed,
                    step=row.step,
                    loss=row.loss,
                    train_dice=row.train_dice,
                    validation_dice=row.validation_dice,
                )


def find_unlearned(cases: Cases, curves: Sequence[CurveRow]) -> str:
    """Why the networks have not learned; empty if they have, or nobody can say.

    Args:
        cases: all cases.
        curves: from `tabulate_curves`.
    """
    best = _best_known_dice(cases)
    if best is not None and best < LEAST_DICE:
        return (
            f"the networks have not learned: on data like their training data the mean "
            f"Dice of the best variant is {best:.3f}, near that of an empty answer; "
            "raise train.steps"
        )
    falls = [fall for run in _runs(curves) if (fall := measure_fall(run)) is not None]
    if falls and median(falls) > MOST_FALL:
        return (
            "the networks have not finished learning: the loss still falls at the end "
            f"({median(falls):.0%} of its whole fall in the last quarter of training); "
            "raise train.steps"
        )
    return ""


def measure_fall(run: Sequence[CurveRow]) -> float | None:
    """How much of the fall of the loss was in the last quarter of training.

    The means of the four quarters are compared: the fall from the third to the fourth,
    over that from the first to the fourth.

    Args:
        run: the rows of one run, in order.

    Returns:
        ``None`` if a quarter has no row; 0 if the loss fell by no more than chance.

    Examples:
        >>> from medinorm.variant import Variant
        >>> losses = {50: 1.4, 100: 0.8, 150: 0.65, 200: 0.6}
        >>> variant = Variant("zscore", "batch", "flip", "none")
        >>> rows = [CurveRow(variant, "a", 0, *each) for each in losses.items()]
        >>> round(measure_fall(rows), 4)
        0.0625
    """
    last = run[-1].step
    quarters: list[list[float]] = [[], [], [], []]
    for row in run:
        quarters[min(max(row.step * 4 - 1, 0) // last, 3)].append(row.loss)
    if not all(quarters):
        return None
    first, _, third, fourth = map(fmean, quarters)
    fall = third - fourth
    return fall / (first - fourth) if fall > _LEAST_FALL * abs(third) else 0.0


def _best_known_dice(cases: Cases) -> float | None:
    """Mean Dice of the best variant on domains that its networks trained on."""
    return max(mean_known_dice(cases).values(), default=None)


def mean_known_dice(cases: Cases) -> dict[Variant, float]:
    """Mean Dice of each variant on domains that its networks trained on."""
    dice, variants = cases.scores.dice, cases.scores.variant
    known = cases.in_domain & np.isfinite(dice)
    dice, variants = dice[known], variants[known]
    return {
        variant: fmean(dice[variants.equals(variant)]) for variant in variants.present
    }


def _runs(curves: Sequence[CurveRow]) -> list[list[CurveRow]]:
    """The rows of each run."""
    runs: dict[tuple[Variant, str, int], list[CurveRow]] = {}
    for row in curves:
        runs.setdefault((row.variant, row.split, row.seed), []).append(row)
    return list(runs.values())
