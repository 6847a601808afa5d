"""Lightning's trainer, set up for many small runs."""

import logging
import math
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger

from medinorm.config import TrainConfig


def make_trainer(run: Path, settings: TrainConfig) -> Any:
    """A Lightning trainer whose epochs end at checkpoints.

    Args:
        run: folder of the run; checkpoints and TensorBoard logs go below it.
        settings: how to train.
    """
    best = settings.selection == "validation"
    keep = ModelCheckpoint(
        dirpath=run / "checkpoints",
        filename="{step}",
        save_last=True,
        monitor="dice" if best else None,
        mode="max",
        save_on_train_epoch_end=not best,
        enable_version_counter=False,
    )
    watched = sys.stderr.isatty()
    return lightning.Trainer(
        accelerator=_accelerator(settings.device),
        devices=1,
        precision=_precision(settings.precision),
        # Not `max_steps`: Lightning 2.6 would take the finished epoch it resumes from
        # for an unfinished one, and never end.
        max_epochs=math.ceil(settings.steps / settings.checkpoint_steps),
        callbacks=[keep, *([TQDMProgressBar()] if watched else [])],
        logger=TensorBoardLogger(run, name="", version="tensorboard"),
        log_every_n_steps=1,
        enable_progress_bar=watched,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def _accelerator(device: str) -> str:
    """Lightning's name of the device."""
    available = "cuda" if torch.cuda.is_available() else "cpu"
    return available if device == "auto" else device


def _precision(precision: str) -> str:
    """The precision; ``auto`` is replaced by what the device can do."""
    if precision != "auto":
        return precision
    return "bf16-mixed" if _computes_bfloat16() else "32-true"


def _computes_bfloat16() -> bool:
    """Whether the device has bfloat16 instructions and need not emulate them."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = (
        torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    )
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Lightning's advertisements and advice that does not apply here."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Patches are cut from memory-mapped files: workers would only cost start-up.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        # Without model selection there is nothing to validate.
        warnings.filterwarnings("ignore", ".*have no `val_dataloader`.*")
        # Lightning 2.6 still uses what torch 2.13 renames.
        warnings.filterwarnings("ignore", ".*LeafSpec.*is deprecated.*")
        # An interrupted run leaves a folder on purpose.
        warnings.filterwarnings("ignore", ".*exists and is not empty.*")
        try:
            yield
        finally:
            logger.setLevel(level)
