"""The training of one network, as Lightning sees it."""

import hashlib
import logging
import math
import statistics
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from itertools import islice
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn

from medinorm.config import PredictConfig, TrainConfig
from medinorm.errors import DivergedError
from medinorm.layers.norms.thumbnail_instance import within_surroundings
from medinorm.layers.statistics.processes import (
    add_over_processes,
    process_count,
    process_rank,
)
from medinorm.layers.statistics.random import Draws
from medinorm.records.history import HistoryRow
from medinorm.train.checkpoints import HISTORY
from medinorm.train.conditions import conditions_of
from medinorm.train.dataset import IGNORED
from medinorm.train.inference import infer_logits
from medinorm.train.loss import SegmentationLoss, weigh_outputs
from medinorm.train.optimizers import make_optimizer, make_schedule

_SECONDS_BETWEEN_REPORTS = 60.0

_log = logging.getLogger(__name__)

_DICE_INTERVAL = 10  # steps between those whose Dice is measured


class Segmenter(lightning.LightningModule):  # type: ignore[misc]  # untyped library
    """Dice and cross-entropy loss, the optimizer and the schedule of the recipe.

    Args:
        network: takes ``(N, C, X, Y, Z)``, gives a logit for each class.
        settings: how to train.
        seed: of the run; layers and dropout draw from it.
        validation: whole scans, of which the mean Dice is logged after each stretch.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: TrainConfig,
        seed: int,
        validation: Iterable[Mapping[str, Tensor]] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.history: list[HistoryRow] = []
        self._settings = settings
        self._seed = seed
        self._validation = validation
        self._loss = SegmentationLoss()
        self._losses: list[float] = []
        self._waiting: list[tuple[int, Tensor]] = []  # steps and losses not read yet
        self._dices: list[float] = []
        self._started = 0.0
        self._reported = -math.inf

    def training_step(self, batch: dict[str, Tensor], _index: int) -> Tensor:
        """Loss of one mini-batch.

        Raises:
            DivergedError: the loss is not finite.
        """
        with _surrounded(self.network, batch):
            outputs = self.network(batch["image"], **conditions_of(batch))
        loss = weigh_outputs(self._loss, outputs, batch["label"])
        # The same in all processes: they end together where it is not finite.
        shared = add_over_processes(loss.detach()) / process_count()
        self._waiting.append((self.global_step, shared))
        measures = self.global_step % _DICE_INTERVAL == 0
        if measures or loss.device.type == "cpu":
            self._note_losses()
        if measures:
            logits = outputs if isinstance(outputs, Tensor) else outputs[0]
            dice = _mean_dice(_find_classes(logits), batch["label"][:, 0])
            self._dices.append(float(dice))
        return loss

    def _note_losses(self) -> None:
        """Note the losses of the steps since the last time.

        A graphics card would wait in each step for the number to be read.

        Raises:
            DivergedError: one is not finite.
        """
        if not self._waiting:
            return
        steps, losses = zip(*self._waiting, strict=True)
        self._waiting.clear()
        values = torch.stack(losses).tolist()
        for step, value in zip(steps, values, strict=True):
            if not math.isfinite(value):
                raise DivergedError(
                    f"the loss is not finite at step {step}; lower train.learning_rate"
                )
        self._losses += values

    def on_train_epoch_start(self) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_train_batch_start(self, _batch: Any, _index: int) -> None:
        """Start the random numbers of this step, which a resumed run draws again."""
        # Each process draws its own numbers.
        seed = _hash_step(self._seed, self.global_step) ^ process_rank()
        # Not `torch.manual_seed`: where CUDA is not used it notes its callers, for 2 ms
        # and some memory in each step.
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def on_train_epoch_end(self) -> None:
        """Add a row to the history, which survives in the checkpoint; validate."""
        self._note_losses()
        steps = max(1, len(self._losses))
        seconds = (time.perf_counter() - self._started) / steps
        selects = self._settings.selection == "validation"
        validation = self._validate() if selects else None
        row = HistoryRow(
            step=self.global_step,
            loss=sum(self._losses) / steps,
            learning_rate=self.optimizers().param_groups[0]["lr"],
            seconds_per_step=seconds,
            validation_dice=None if validation is None else float(validation),
            train_dice=self._mean_of_dices() if self._dices else None,
        )
        self._losses.clear()
        self._dices.clear()
        self.history.append(row)
        self._report(row)
        self.log("loss", row.loss)
        self.log("learning_rate", row.learning_rate)
        if validation is not None:
            self.log("dice", validation)

    def _report(self, row: HistoryRow) -> None:
        """Say how far training is, from time to time, and at its end."""
        total, now = self._settings.steps, time.monotonic()
        if process_rank():  # the first process speaks for all
            return
        if row.step < total and now - self._reported < _SECONDS_BETWEEN_REPORTS:
            return
        self._reported = now
        _log.info(
            "step %d of %d: loss %.3f, %.3f s a step, about %.0f min left",
            *(row.step, total, row.loss, row.seconds_per_step),
            (total - row.step) * row.seconds_per_step / 60,
        )

    def _mean_of_dices(self) -> float:
        """Mean Dice of the training patches, over all processes."""
        own = torch.tensor(statistics.mean(self._dices), dtype=torch.float64)
        count = process_count()
        return float(add_over_processes(own)) / count if count > 1 else float(own)

    def _validate(self) -> Tensor:
        """Mean Dice of the validation scans, of which each process takes a share.

        Not by Lightning's own loop: it skips a last stretch that is shorter than the
        others.
        """
        self.network.eval()
        computing = self.trainer.strategy.precision_plugin.val_step_context()
        with torch.no_grad(), computing:
            share = islice(self._validation, process_rank(), None, process_count())
            scores = _score_each(self.network, share, self._settings.patch)
        self.network.train()
        if process_count() == 1:
            return torch.stack(scores).mean()
        total = torch.tensor([float(sum(scores)), len(scores)], device=self.device)
        dice, count = add_over_processes(total).unbind()
        return dice / count

    def configure_optimizers(self) -> dict[str, Any]:
        """The optimizer of the recipe, and its schedule over all steps."""
        optimizer = make_optimizer(self.network.parameters(), self._settings)
        schedule = make_schedule(optimizer, self._settings)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep history and random streams, in a form for PyTorch's safe reader."""
        checkpoint[HISTORY] = list(map(asdict, self.history))
        checkpoint["streams"] = {
            name: stream.get_state() for name, stream in self._streams().items()
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the history and the random streams of the interrupted run."""
        self.history = [HistoryRow(**row) for row in checkpoint[HISTORY]]
        for name, stream in self._streams().items():
            stream.set_state(checkpoint["streams"][name])

    def _streams(self) -> dict[str, torch.Generator]:
        """The random streams that layers have of their own."""
        return {
            name: layer.stream
            for name, layer in self.network.named_modules()
            if isinstance(layer, Draws) and layer.stream is not None
        }


def score_scans(
    network: nn.Module,
    scans: Iterable[Mapping[str, Tensor]],
    patch: tuple[int, int, int],
) -> Tensor:
    """Mean Dice of whole scans, each counted once.

    Args:
        network: in evaluation mode; the caller switches gradients off.
        scans: their image, classes and conditions, as `WholeScans` gives them.
        patch: size of a tile, in voxels.
    """
    return torch.stack(_score_each(network, scans, patch)).mean()


def _score_each(
    network: nn.Module,
    scans: Iterable[Mapping[str, Tensor]],
    patch: tuple[int, int, int],
) -> list[Tensor]:
    """Dice of each scan, averaged over its classes."""
    device = next(network.parameters()).device
    scores = []
    for scan in scans:
        batch = {word: value[None].to(device) for word, value in scan.items()}
        conditions = conditions_of(batch)
        logits = infer_logits(
            network, batch["image"], conditions, patch, PredictConfig()
        )
        scores.append(_mean_dice(_find_classes(logits), batch["label"][:, 0]))
    return scores


def _surrounded(
    network: nn.Module, batch: Mapping[str, Tensor]
) -> AbstractContextManager[None]:
    """Where patches come with their surroundings, statistics are those of these."""
    if "surroundings" not in batch:
        return nullcontext()
    return within_surroundings(network, batch["surroundings"])


def _hash_step(seed: int, step: int) -> int:
    """Where the random numbers of one step start: 63 bits."""
    digest = hashlib.blake2b(f"{seed} {step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def _find_classes(logits: Tensor) -> Tensor:
    """The class with the largest logit, ``(N, X, Y, Z)``; the first one of equal ones.

    On a CPU ten times as fast as `argmax`, which walks from class to class in each
    voxel.
    """
    largest, *others = logits.detach().unbind(1)
    classes = torch.zeros(largest.shape, dtype=torch.int64, device=logits.device)
    for value, other in enumerate(others, start=1):
        classes.masked_fill_(other > largest, value)
        largest = torch.maximum(largest, other)
    return classes


def _mean_dice(predicted: Tensor, label: Tensor) -> Tensor:
    """Dice averaged over the classes that occur in either, without ignored voxels."""
    known = label != IGNORED
    if not bool(known.all()):
        predicted, label = predicted[known], label[known]
    predicted, label = predicted.flatten(), label.flatten()
    most = int(max(predicted.max(), label.max())) + 1 if len(label) else 1
    own, true, both = (
        torch.bincount(values, minlength=most)[1:]
        for values in (predicted, label, label[predicted == label])
    )
    occurs = own + true > 0
    if not bool(occurs.any()):
        return torch.ones((), device=label.device)
    return (2 * both[occurs] / (own + true)[occurs]).mean()
