"""How the training of one network went: `history.tsv` of a run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HistoryRow:
    """How training went since the row before.

    Args:
        step: how many steps were done.
        loss: mean over the steps.
        learning_rate: of the last step.
        seconds_per_step: mean over the steps.
        validation_dice: mean over the validation scans, if they were segmented.
        train_dice: mean over the patches of the steps, if it was measured.
    """

    step: int
    loss: float
    learning_rate: float
    seconds_per_step: float
    validation_dice: float | None = None
    train_dice: float | None = None
