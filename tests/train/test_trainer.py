"""The trainer ends where it should and keeps what was asked for."""

import logging

import pytest

from medinorm.config import TrainConfig
from medinorm.train.trainer import _precision, make_trainer, quiet

SETTINGS = TrainConfig(steps=10, checkpoint_steps=4, device="cpu")


def make(folder, **changes):
    with quiet():
        return make_trainer(folder, SETTINGS.model_copy(update=changes))


def test_epochs_are_the_stretches_between_checkpoints(tmp_path):
    assert make(tmp_path).max_epochs == 3  # 4, 4 and 2 steps
    assert make(tmp_path, steps=8).max_epochs == 2


@pytest.mark.parametrize(
    ("selection", "watched"), [("last", None), ("validation", "dice")]
)
def test_the_weights_kept_are_those_selected(tmp_path, selection, watched):
    keep = make(tmp_path, selection=selection).checkpoint_callback
    assert keep.monitor == watched
    assert keep.save_last


def test_a_precision_that_is_named_is_taken():
    assert _precision("bf16-mixed") == "bf16-mixed"
    assert _precision("auto") in {"bf16-mixed", "32-true"}


def test_quiet_ends():
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    with quiet():
        assert logger.level == logging.ERROR
    assert logger.level == level
