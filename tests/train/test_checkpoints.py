"""Files of a run: what is left of another one is cleared, what is whole goes on."""

import torch

from medinorm.config import TrainConfig
from medinorm.files.sidecars import Provenance
from medinorm.train.checkpoints import (
    HISTORY,
    copy_run,
    count_stretches,
    matching_checkpoint,
    number_event_files,
)

MADE = Provenance({"seed": 0}, {})
SETTINGS = TrainConfig(steps=10, checkpoint_steps=4)


def start(run):
    assert matching_checkpoint(run, MADE, selects=False) is None
    last = run / "checkpoints" / "last.ckpt"
    torch.save({HISTORY: [{"step": 3}], "callbacks": {}}, last)
    return last


def test_a_run_goes_on_from_its_own_checkpoint_only(tmp_path):
    last = start(tmp_path)
    (tmp_path / "notes.txt").touch()
    assert matching_checkpoint(tmp_path, MADE, selects=False) == last
    other = Provenance({"seed": 1}, {})
    assert matching_checkpoint(tmp_path, other, selects=False) is None
    assert not last.exists()
    assert (tmp_path / "notes.txt").exists()


def test_a_damaged_checkpoint_starts_the_run_again(tmp_path):
    last = start(tmp_path)
    last.write_bytes(last.read_bytes()[:-9])
    assert matching_checkpoint(tmp_path, MADE, selects=False) is None


def test_stretches_before_an_interruption_count(tmp_path):
    assert count_stretches(SETTINGS, None) == 3
    assert count_stretches(SETTINGS, start(tmp_path)) == 1 + 2  # 7 steps are left


def test_nothing_is_copied_where_nothing_was_made(tmp_path):
    assert not copy_run(tmp_path / "one", tmp_path / "two", MADE)
    assert not (tmp_path / "two").exists()


def test_event_files_of_one_second_keep_their_order(tmp_path):
    """The writer counts its files: 10 comes after 9, which names alone do not say."""
    folder = tmp_path / "tensorboard"
    folder.mkdir()
    for text, end in enumerate(("000", "1700.pc.5.9", "1700.pc.5.10", "1701.pc.4.0")):
        (folder / f"events.out.tfevents.{end}").write_text(str(text))
    number_event_files(tmp_path)
    files = sorted(folder.iterdir())
    assert [path.read_text() for path in files] == ["0", "1", "2", "3"]
    assert [path.suffix for path in files] == [".000", ".001", ".002", ".003"]
