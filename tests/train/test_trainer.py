"""The trainer ends where it should and keeps what was asked for."""

import errno
import logging
import os

import pytest

from medinorm.config import TrainConfig
from medinorm.train.trainer import (
    AtomicCheckpoints,
    _precision,
    count_workers,
    make_trainer,
    quiet,
)

SETTINGS = TrainConfig(recipe="fast", steps=10, checkpoint_steps=4, device="cpu")


def make(folder, **changes):
    with quiet():
        return make_trainer(folder, SETTINGS.model_copy(update=changes), 3)


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    AtomicCheckpoints().save_checkpoint({"step": 1}, path)
    content = path.read_bytes()

    def fill(self, _):
        self.open("wb").close()
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(type(path), "write_bytes", fill)
        with pytest.raises(OSError, match="full"):
            AtomicCheckpoints().save_checkpoint({"step": 2}, path)
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]
    assert path.read_bytes() == content


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


def test_workers_are_for_cards_and_leave_a_core(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(12)))
    auto, two = TrainConfig(), TrainConfig(devices=2)
    assert count_workers(auto, cards=False) == 0
    assert count_workers(auto, cards=True) == 8
    assert count_workers(two, cards=True) == 5
    assert count_workers(TrainConfig(workers=3), cards=False) == 3
