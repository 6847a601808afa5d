"""The train stage: one network for each seed, resumed where it was interrupted."""

import resource
import shutil
import signal
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightning.pytorch as lightning
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor

from medinorm.choices import AugmentationName, IntensityName, NormName
from medinorm.config import AutoTrainConfig, TaskConfig
from medinorm.errors import ConfigError, RunError, StageError
from medinorm.files.records import read_records, write_records
from medinorm.files.sidecars import is_current, recorded_checksum
from medinorm.jobs.declare import stage
from medinorm.jobs.memory import keep_freed_memory
from medinorm.jobs.processes import ProcessRank, read_place, run_in_processes
from medinorm.jobs.shards import Done, Failed, State, run_items
from medinorm.layers.norms.thumbnail_instance import thumbnail_layers
from medinorm.layers.statistics.processes import process_count, process_rank
from medinorm.layout import rate_folder, run_folder
from medinorm.records.history import HistoryRow
from medinorm.records.learning_rates import RateRow
from medinorm.records.scans import SplitRow
from medinorm.records.status import RunStatus
from medinorm.train.checkpoints import (
    HISTORY_FILE,
    copy_run,
    count_stretches,
    matching_checkpoint,
    number_event_files,
    read_checkpoint,
)
from medinorm.train.dataset import PatchDataset, StepSampler, WholeScans
from medinorm.train.experiment import Experiment, Layer, describe_network
from medinorm.train.model import model_path, write_model
from medinorm.train.segmenter import Segmenter
from medinorm.train.trainer import (
    do_once,
    end_together,
    joined,
    make_loader,
    make_trainer,
    quiet,
)
from medinorm.training_plan.resolve import resolve_train


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

    def work(run: Run) -> Done[str]:
        state = train_network(experiment, run.seed, runs, searched)
        return Done(state, recorded_checksum(model_path(run_folder(runs, run.seed))))

    place = read_place(resolved.devices, resolved.nodes)
    with joined(place, resolved.device), _table_of(place, status) as table:
        return run_items(
            [Run(seed) for seed in seeds],
            work if place is None else lambda run: end_together(lambda: work(run)),
            table,
            title=f"train {intensity} {norm} {augmentation} {split}",
            record=RunStatus,
            forgiving=False,
        )


@contextmanager
def _table_of(place: ProcessRank | None, status: Path) -> Iterator[Path]:
    """The status table; for a process that is not the first, one that nobody reads."""
    if place is None or place.rank == 0:
        yield status
        return
    with TemporaryDirectory() as folder:
        yield Path(folder) / status.name


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
    run, settings = run_folder(runs, seed), experiment.settings
    provenance = experiment.provenance(seed)
    if do_once(lambda: is_current(model_path(run), provenance)):
        return "current"
    if others and do_once(lambda: copy_run(run_folder(others, seed), run, provenance)):
        return "made"
    selects = settings.selection == "validation"
    checkpoint = do_once(lambda: matching_checkpoint(run, provenance, selects=selects))

    make = partial(_make, experiment, seed, run, checkpoint)
    if settings.nodes == 1 and settings.devices > 1:
        run_in_processes(make, settings.devices)
    else:
        make(None)
    return "made"


def _make(
    experiment: Experiment,
    seed: int,
    run: Path,
    checkpoint: Path | None,
    place: ProcessRank | None,
) -> None:
    """Train one network and write it; of several processes the first one writes."""
    settings = experiment.settings
    torch.set_num_threads(settings.threads)
    keep_freed_memory()
    with joined(place, settings.device):
        lightning.seed_everything(seed, verbose=False)
        module = _train(experiment, seed, run, checkpoint)

        def write() -> None:
            number_event_files(run)
            write_records(run / HISTORY_FILE, module.history, HistoryRow)
            facts = _facts(module, experiment)
            provenance = experiment.provenance(seed)
            write_model(run, module.network, experiment.card, provenance, facts)
            shutil.rmtree(run / "checkpoints")

        do_once(write)


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
        surroundings=bool(thumbnail_layers(network)),
    )
    sampler = StepSampler(
        settings.checkpoint_steps * settings.batch_size,
        len(patches),
        done=lambda: module.global_step * settings.batch_size,
        share=(process_rank(), process_count()),
    )
    loader = make_loader(patches, sampler, settings)
    if settings.compile:
        network.compile()
    with quiet():
        trainer = make_trainer(run, settings, count_stretches(settings, checkpoint))
        try:
            trainer.fit(module, loader, ckpt_path=checkpoint)
        except SIGTERMException:
            raise SystemExit(128 + signal.SIGTERM) from None
    if settings.selection == "validation":
        best = trainer.checkpoint_callback.best_model_path
        module.load_state_dict(read_checkpoint(Path(best))["state_dict"])
    return module


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
