"""The search among learning rates: `learning_rates.tsv` beside the runs of a split."""

from collections.abc import Sequence
from dataclasses import dataclass

from medinorm.variant import Variant


@dataclass(frozen=True)
class RateRow:
    """How one network of one variant and split did with one learning rate.

    Args:
        variant: what is trained; adaptations at test time have no part in it.
        split: whose training domains it was trained on.
        rate: peak learning rate.
        validation_dice: mean over whole validation scans; absent if training diverged.
        final_loss: mean over the last steps; absent likewise.
        chosen: whether the networks of this variant and split are trained with it.
    """

    variant: Variant
    split: str
    rate: float
    validation_dice: float | None
    final_loss: float | None
    chosen: bool


def find_best_rate(rows: Sequence[RateRow]) -> float | None:
    """The rate with the best Dice, the smaller of equal ones; none if all diverged.

    Examples:
        >>> variant = Variant("zscore", "batch", "flip", "none")
        >>> dice = {0.03: 0.8, 0.01: 0.8, 0.1: None}
        >>> find_best_rate(
        ...     [RateRow(variant, "a", rate, d, 0.1, False) for rate, d in dice.items()]
        ... )
        0.01
    """
    measured = [
        (-row.validation_dice, row.rate)
        for row in rows
        if row.validation_dice is not None
    ]
    return min(measured)[1] if measured else None
