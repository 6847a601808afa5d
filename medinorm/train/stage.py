"""The train stage: one network for each seed, resumed where it was interrupted."""

import json
import logging
import math
import resource
import shutil
import signal
import statistics
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor
from torch.utils.data import DataLoader

from medinorm.choices import AugmentationName, IntensityName, NormName
from medinorm.config import AutoTrainConfig, TaskConfig, TrainConfig
from medinorm.errors import ConfigError, RunError, StageError
from medinorm.files.atomic import clear_leftovers, replacing
from medinorm.files.checksums import checksum_path, is_as_written
from medinorm.files.machine import pass_on_machine_fault
from medinorm.files.records import read_records, write_records
from medinorm.files.sidecars import Provenance, is_current, recorded_checksum
from medinorm.jobs.declare import stage
from medinorm.jobs.memory import keep_freed_memory
from medinorm.jobs.shards import Done, Failed, State, run_items
from medinorm.layout import rate_folder, run_folder
from medinorm.records.history import HistoryRow
from medinorm.records.learning_rates import RateRow
from medinorm.records.scans import SplitRow
from medinorm.records.status import RunStatus
from medinorm.train.dataset import PatchDataset, StepSampler, WholeScans
from medinorm.train.experiment import Experiment, Layer, describe_network
from medinorm.train.model import model_path, write_model
from medinorm.train.segmenter import HISTORY, Segmenter
from medinorm.train.trainer import make_trainer, quiet
from medinorm.training_plan.resolve import resolve_train

# In the folder of a seed, from the first step to the finished network.
_HISTORY = "history.tsv"
_FILES = (_HISTORY, ".history.tsv.checksum", "model.safetensors", "model.json")
_MADE = ("checkpoints", "tensorboard", *_FILES)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """One training: that of one seed."""

    seed: int


@stage("train", after="harmonize")
def train_networks(  # noqa: PLR0913  (one argument a flag)
    splits: Path,
    harmonized: Path,
    runs: Path,
    status: Path,
    *,
    intensity: IntensityName,
    norm: NormName,
    norm_options: str = "{}",
    augmentation: AugmentationName,
    split: str,
    seeds: Sequence[int],
    task: TaskConfig,
    training_plan: Path | None = None,
    learning_rates: Path | None = None,
    settings: AutoTrainConfig,
) -> list[tuple[Run, Done[str] | Failed]]:
    """Train one network for each seed on the training scans of one split.

    A finished network that is current is kept. An interrupted run continues from its
    last checkpoint. A run that fails becomes a row of the status table; the other seeds
    continue.

    Args:
        splits: `splits.tsv`.
        harmonized: folder of harmonized scans.
        runs: folder to write to, one folder a seed.
        status: table to write, one row a seed.
        intensity: intensity method of the harmonized scans, recorded.
        norm: normalization layer.
        norm_options: its arguments, as JSON.
        augmentation: what is done to training patches at random.
        split: name of the split whose training scans are used.
        seeds: seeds of weights, patches and augmentation.
        task: image channels and labels.
        training_plan: the study's plan, where it decides a number.
        learning_rates: table of choose-rate, where the settings name several rates; its
            networks lie beside it, and that of the chosen rate is copied.
        settings: how to train.

    Returns:
        The runs and how each ended: made, current, or the reason why not.

    Raises:
        StageError: the split has no usable training scan, or a run failed unexpectedly.
        ConfigError: `norm_options` is not JSON, or the layer refuses it.
    """
    rate = _read_chosen(learning_rates, settings) if learning_rates else None
    resolved = resolve_train(settings, training_plan, rate)
    layer = Layer(norm, norm_options)
    card = describe_network(resolved, task, intensity, layer, augmentation)
    searched = (
        rate_folder(learning_rates.parent, rate) if learning_rates and rate else None
    )
    experiment = Experiment.of_split(
        card, resolved, read_records(splits, SplitRow), split, harmonized
    )
    torch.set_num_threads(resolved.threads)
    keep_freed_memory()

    def work(run: Run) -> Done[str]:
        state = train_network(experiment, run.seed, runs, searched)
        return Done(state, recorded_checksum(model_path(run_folder(runs, run.seed))))

    return run_items(
        [Run(seed) for seed in seeds],
        work,
        status,
        title=f"train {intensity} {norm} {augmentation} {split}",
        record=RunStatus,
        forgiving=False,
    )


def train_network(
    experiment: Experiment, seed: int, runs: Path, others: Path | None = None
) -> State:
    """Train the network of one seed, unless it is current.

    Args:
        experiment: what all seeds share.
        seed: of weights, patches and augmentation.
        runs: folder to write to, one folder a seed.
        others: folder of the same kind; a network in it that was made from the same is
            copied.

    Raises:
        DamagedError: a harmonized scan is damaged; it is deleted.
        OSError: the disk is full; the last checkpoint is whole.
        RunError: the loss became not finite.
    """
    run = run_folder(runs, seed)
    provenance = experiment.provenance(seed)
    if is_current(model_path(run), provenance):
        return "current"
    if others and _copy_run(run_folder(others, seed), run, provenance):
        return "made"
    selects = experiment.settings.selection == "validation"
    checkpoint = _matching_checkpoint(run, provenance, selects=selects)
    lightning.seed_everything(seed, verbose=False)
    module = _train(experiment, seed, run, checkpoint)
    write_records(run / _HISTORY, module.history, HistoryRow)
    facts = _facts(module, experiment)
    write_model(run, module.network, experiment.card, provenance, facts)
    shutil.rmtree(run / "checkpoints")
    return "made"


def _train(
    experiment: Experiment, seed: int, run: Path, checkpoint: Path | None
) -> Segmenter:
    """Train from the start, or from a checkpoint.

    Raises:
        RunError: no training scan has any label.
        SystemExit: the job was asked to end (SIGTERM); 143 is what shells say then.
    """
    settings, needs = experiment.settings, experiment.card.needs
    training = experiment.read_scans(experiment.training)
    if not any(scan.centres for scan in training):
        raise RunError(
            "no training scan has a voxel with a label; check input.label_values"
        )
    validation: Iterable[Mapping[str, Tensor]] = ()
    if settings.selection == "validation":
        scans = experiment.read_scans(experiment.validation)
        validation = WholeScans(scans, training, settings, needs)
    card, deep = experiment.card, settings.deep_supervision
    network = card.build(deep_supervision=deep)
    module = Segmenter(network, settings, seed, validation)
    patches = PatchDataset(
        training,
        settings,
        seed,
        needs,
        augmentation=card.augmentation,
        axes=card.mirror_axes,
    )
    sampler = StepSampler(
        settings.checkpoint_steps * settings.batch_size,
        len(patches),
        done=lambda: module.global_step * settings.batch_size,
    )
    loader = DataLoader(patches, batch_size=settings.batch_size, sampler=sampler)
    with quiet():
        trainer = make_trainer(run, settings, _stretches(settings, checkpoint))
        try:
            trainer.fit(module, loader, ckpt_path=checkpoint)
        except SIGTERMException:
            raise SystemExit(128 + signal.SIGTERM) from None
    if settings.selection == "validation":
        best = trainer.checkpoint_callback.best_model_path
        module.load_state_dict(_read_checkpoint(Path(best))["state_dict"])
    return module


def _stretches(settings: TrainConfig, checkpoint: Path | None) -> int:
    """How many stretches a run has: those before the checkpoint, and the rest.

    They may differ in length: the setting can change while a run is interrupted.
    """
    history = _read_checkpoint(checkpoint)[HISTORY] if checkpoint else []
    done = history[-1]["step"] if history else 0
    return len(history) + math.ceil((settings.steps - done) / settings.checkpoint_steps)


def _read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint, on the CPU."""
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content


def _matching_checkpoint(
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


def _copy_run(source: Path, run: Path, provenance: Provenance) -> bool:
    """Copy a finished run if it was made from the same; its record comes last."""
    history = source / _HISTORY
    whole = history.exists() and checksum_path(history).exists()
    if not (whole and is_current(model_path(source), provenance)):
        return False
    if not is_as_written(history):
        return False
    _clear_run(run)
    run.mkdir(parents=True, exist_ok=True)
    if (source / "tensorboard").is_dir():
        shutil.copytree(source / "tensorboard", run / "tensorboard")
    for name in _FILES:
        with replacing(run / name) as temporary:
            shutil.copyfile(source / name, temporary)
    return True


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
        best = _best_of(_read_checkpoint(checkpoint))
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


def _facts(module: Segmenter, experiment: Experiment) -> dict[str, Any]:
    """What training needed, for the fairness table."""
    settings = experiment.settings
    if torch.cuda.is_available() and settings.device != "cpu":
        peak = torch.cuda.max_memory_allocated() / 2**20
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    seconds = statistics.median(row.seconds_per_step for row in module.history)
    return {
        "parameters": sum(p.numel() for p in module.network.parameters()),
        "seconds_per_step": round(seconds, 6),
        "training_scans": len(experiment.training),
        "steps": settings.steps,
        "learning_rate": settings.learning_rate,
        "batch_size": settings.batch_size,
        "augmentation": experiment.card.augmentation,
        "threads": settings.threads,
        "selection": settings.selection,
        "peak_memory_mb": round(peak, 1),
        "final_loss": round(module.history[-1].loss, 6),
    }


def _read_chosen(learning_rates: Path, settings: AutoTrainConfig) -> float:
    """The learning rate that the search has chosen.

    Raises:
        ConfigError: the settings name one learning rate only.
        StageError: the table is missing or damaged, or belongs to other settings.
    """
    if not settings.searches_rate:
        raise ConfigError(
            "learning_rate: one number needs no --learning-rates; leave it out"
        )
    rows = read_records(learning_rates, RateRow)
    chosen = [row.rate for row in rows if row.chosen]
    if len(chosen) != 1 or chosen[0] not in settings.rates:
        raise StageError(
            "learning_rates.tsv: no learning rate of the settings is chosen; run "
            "medinorm choose-rate again"
        )
    return chosen[0]
