"""The files of a run: which ones an interrupted training goes on from."""

import json
import logging
import math
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from medinorm.config import TrainConfig
from medinorm.files.atomic import clear_leftovers, replacing
from medinorm.files.checksums import checksum_path, is_as_written
from medinorm.files.machine import pass_on_machine_fault
from medinorm.files.sidecars import Provenance, is_current
from medinorm.train.model import model_path

HISTORY = "history"  # entry of a checkpoint: one row for each finished stretch

# In the folder of a seed, from the first step to the finished network.
HISTORY_FILE = "history.tsv"
_FILES = (HISTORY_FILE, ".history.tsv.checksum", "model.safetensors", "model.json")
TENSORBOARD = "tensorboard"
_MADE = ("checkpoints", TENSORBOARD, *_FILES)

_log = logging.getLogger(__name__)


def count_stretches(settings: TrainConfig, checkpoint: Path | None) -> int:
    """How many stretches a run has: those before the checkpoint, and the rest.

    They may differ in length: the setting can change while a run is interrupted.
    """
    history = read_checkpoint(checkpoint)[HISTORY] if checkpoint else []
    done = history[-1]["step"] if history else 0
    return len(history) + math.ceil((settings.steps - done) / settings.checkpoint_steps)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint, on the CPU."""
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content


def matching_checkpoint(
    run: Path, provenance: Provenance, *, selects: bool
) -> Path | None:
    """The last checkpoint, if it belongs to the same settings and scans.

    What another run made is deleted, also if the checkpoint is damaged, and a note of
    this run is written. Files of a user's stay.
    """
    note = run / "checkpoints" / "made_from.json"
    wanted = json.dumps(asdict(provenance), sort_keys=True)
    last = note.with_name("last.ckpt")
    if (
        note.exists()
        and note.read_text() == wanted
        and _can_be_read(last, selects=selects)
    ):
        _log.info("resume from the last checkpoint")
        return last
    _clear_run(run)
    note.parent.mkdir(parents=True)
    note.write_text(wanted)
    return None


def copy_run(source: Path, run: Path, provenance: Provenance) -> bool:
    """Copy a finished run if it was made from the same; its record comes last."""
    history = source / HISTORY_FILE
    whole = history.exists() and checksum_path(history).exists()
    if not (whole and is_current(model_path(source), provenance)):
        return False
    if not is_as_written(history):
        return False
    _clear_run(run)
    run.mkdir(parents=True, exist_ok=True)
    if (source / TENSORBOARD).is_dir():
        shutil.copytree(source / TENSORBOARD, run / TENSORBOARD)
    for name in _FILES:
        with replacing(run / name) as temporary:
            shutil.copyfile(source / name, temporary)
    return True


def number_event_files(run: Path) -> None:
    """Name the event files of a finished run by their order.

    TensorBoard's writer names a file by time, machine and process: the same study would
    have other files on each machine, and a shared folder would show the machine's name.
    Only after training, since the writer opens its file by name again and again. An
    interrupted run has several files; TensorBoard reads them in order of their names.

    Args:
        run: folder of the run.
    """
    files = (run / TENSORBOARD).glob("events.out.tfevents.*")
    for number, path in enumerate(sorted(files, key=_age)):
        path.rename(path.with_name(f"events.out.tfevents.{number:03d}"))


def _age(event_file: Path) -> list[int]:
    """By what event files are put in order: time, process, and number in the process.

    Examples:
        >>> [_age(Path(f"events.out.tfevents.{end}")) for end in ("17.pc.5.9", "000")]
        [[17, 5, 9], [0]]
    """
    return [int(word) for word in event_file.name.split(".") if word.isdecimal()]


def _clear_run(run: Path) -> None:
    """Delete what an earlier training of a seed left; files of a user's stay."""
    for path in (run / name for name in _MADE):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
            clear_leftovers([path])


def _can_be_read(checkpoint: Path, *, selects: bool) -> bool:
    """Whether the last checkpoint is there, and all of the run are whole.

    PyTorch compares no checksums; an archive has one for each of its parts.

    Args:
        checkpoint: the last one.
        selects: whether the best one, which it names, must be there too.
    """
    if not checkpoint.exists():
        return False
    try:
        for path in checkpoint.parent.glob("*.ckpt"):
            with zipfile.ZipFile(path) as archive:
                if archive.testzip() is not None:
                    raise zipfile.BadZipFile
        best = _best_of(read_checkpoint(checkpoint))
        return not selects or checkpoint.with_name(best).exists()
    except Exception as error:  # of a damaged file: whatever torch stumbles over
        pass_on_machine_fault(error)
        _log.warning("a checkpoint is damaged; the run starts again")
        return False


def _best_of(content: Mapping[str, Any]) -> str:
    """The name of the checkpoint that was the best so far; empty: none is chosen."""
    states = content["callbacks"].values()
    paths = [str(state.get("best_model_path", "")) for state in states]
    return next((Path(path).name for path in paths if path), "")
