"""The training of one network, as Lightning sees it."""

import math
import time
from dataclasses import asdict, dataclass
from typing import Any

import lightning.pytorch as lightning
import torch
from monai.losses import DiceCELoss
from torch import Tensor, nn

from medinorm.config import PredictConfig, TrainConfig
from medinorm.errors import RunError
from medinorm.train.conditions import conditions_of
from medinorm.train.inference import infer_logits


@dataclass(frozen=True)
class HistoryRow:
    """How training went since the row before: one row of `history.tsv`.

    Args:
        step: how many steps were done.
        loss: mean over the steps.
        learning_rate: of the last step.
        seconds_per_step: mean over the steps.
    """

    step: int
    loss: float
    learning_rate: float
    seconds_per_step: float


class Segmenter(lightning.LightningModule):  # type: ignore[misc]  # untyped library
    """Dice and cross-entropy loss, AdamW, one cycle of the learning rate.

    Args:
        network: takes ``(N, C, X, Y, Z)``, gives a logit for each class.
        settings: how to train.
    """

    def __init__(self, network: nn.Module, settings: TrainConfig) -> None:
        super().__init__()
        self.network = network
        self.history: list[HistoryRow] = []
        self._settings = settings
        self._loss = DiceCELoss(softmax=True, to_onehot_y=True)
        self._losses: list[float] = []
        self._started = 0.0

    def training_step(self, batch: dict[str, Tensor], _index: int) -> Tensor:
        """Loss of one mini-batch.

        Raises:
            RunError: the loss is not finite.
        """
        logits = self.network(batch["image"], **conditions_of(batch)).float()
        loss: Tensor = self._loss(logits, batch["label"])
        value = float(loss.detach())
        if not math.isfinite(value):
            raise RunError(
                f"the loss is not finite at step {self.global_step}; "
                "lower train.learning_rate"
            )
        self._losses.append(value)
        return loss

    def on_train_epoch_start(self) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self) -> None:
        """Add a row to the history: it survives in the checkpoint."""
        steps = max(1, len(self._losses))
        row = HistoryRow(
            step=self.global_step,
            loss=sum(self._losses) / steps,
            learning_rate=self.optimizers().param_groups[0]["lr"],
            seconds_per_step=(time.perf_counter() - self._started) / steps,
        )
        self._losses.clear()
        self.history.append(row)
        self.log("loss", row.loss)
        self.log("learning_rate", row.learning_rate)

    def validation_step(self, batch: dict[str, Tensor], _index: int) -> None:
        """Mean Dice of the labels of one whole scan."""
        logits = infer_logits(
            self.network,
            batch["image"],
            conditions_of(batch),
            self._settings.patch,
            PredictConfig(),
        )
        self.log("dice", _mean_dice(logits.argmax(1), batch["label"][:, 0]))

    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW under one cycle over all steps."""
        settings = self._settings
        optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=settings.learning_rate, total_steps=settings.steps + 1
        )
        schedule = {"scheduler": cycle, "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the history with the weights, in a form for PyTorch's safe reader."""
        checkpoint["history"] = list(map(asdict, self.history))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the history of the interrupted run."""
        self.history = [HistoryRow(**row) for row in checkpoint["history"]]


def _mean_dice(predicted: Tensor, label: Tensor) -> Tensor:
    """Dice averaged over the classes that occur in either."""
    classes = set(predicted.flatten().tolist()) | set(label.flatten().tolist())
    scores = []
    for value in classes - {0}:
        a, b = predicted == value, label == value
        scores.append(2 * (a & b).sum() / (a.sum() + b.sum()))
    return torch.stack(scores).mean() if scores else torch.tensor(1.0)
