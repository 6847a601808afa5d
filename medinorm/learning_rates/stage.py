"""The choose-rate stage: one network for each learning rate, the best one is taken.

Training scans train, validation scans of the training domains choose; no scan that
tests is opened. Each variant has the same rates and steps: the same budget.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from medinorm.choices import AugmentationName, IntensityName, NormName
from medinorm.config import AutoTrainConfig, TaskConfig
from medinorm.errors import ConfigError, DivergedError, RunError, StageError
from medinorm.files.atomic import read_json
from medinorm.files.records import read_records, write_records
from medinorm.files.sidecars import sidecar_path
from medinorm.jobs.declare import stage
from medinorm.jobs.memory import keep_freed_memory
from medinorm.jobs.processes import read_place
from medinorm.layout import rate_folder, run_folder
from medinorm.records.learning_rates import RateRow, find_best_rate
from medinorm.records.scans import SplitRow
from medinorm.train.dataset import WholeScans
from medinorm.train.experiment import Experiment, Layer, describe_network
from medinorm.train.model import model_path, read_model
from medinorm.train.segmenter import score_scans
from medinorm.train.stage import train_network
from medinorm.train.trainer import do_once, find_device, joined
from medinorm.training_plan.resolve import resolve_train
from medinorm.variant import Variant

_log = logging.getLogger(__name__)


@stage("choose-rate", after="harmonize")
def choose_rate(  # noqa: PLR0913  (one argument a flag)
    splits: Path,
    harmonized: Path,
    runs: Path,
    learning_rates: Path,
    *,
    intensity: IntensityName,
    norm: NormName,
    norm_options: str = "{}",
    augmentation: AugmentationName,
    split: str,
    seed: int,
    task: TaskConfig,
    training_plan: Path | None = None,
    settings: AutoTrainConfig,
) -> None:
    """Choose the learning rate of one variant and split among those of the settings.

    One network is trained with each rate, with all steps. The rate whose network has
    the best mean Dice on whole validation scans of the training domains is chosen; the
    smaller one of equal rates. A network that is current is kept, an interrupted one
    continues from its last checkpoint.

    Args:
        splits: `splits.tsv`.
        harmonized: folder of harmonized scans.
        runs: folder of the networks of the split; those of the search go below it, one
            folder a rate.
        learning_rates: table to write, one row a rate.
        intensity: intensity method of the harmonized scans, recorded.
        norm: normalization layer.
        norm_options: its arguments, as JSON.
        augmentation: what is done to training patches at random.
        split: name of the split whose training and validation scans are used.
        seed: of weights, patches and augmentation, the same for each rate.
        task: image channels and labels.
        training_plan: the study's plan, where it decides a number.
        settings: how to train; its learning rate is a list.

    Raises:
        StageError: the split has no usable training or validation scan.
        ConfigError: there is one learning rate only, or the layer refuses its options.
        RunError: training diverged with each rate.
    """
    if not settings.searches_rate:
        raise ConfigError("learning_rate: one number leaves no choice; give a list")
    first, *_ = each = [
        resolve_train(settings, training_plan, rate) for rate in settings.rates
    ]
    layer = Layer(norm, norm_options)
    card = describe_network(first, task, intensity, layer, augmentation)
    rows = read_records(splits, SplitRow)
    experiment = Experiment.of_split(card, first, rows, split, harmonized)
    # A process that has threads cannot be forked safely.
    torch.set_num_threads(1 if first.processes > 1 else first.threads)
    keep_freed_memory()
    validation = _read_validation(experiment)
    variant = Variant(intensity, norm, augmentation, "none")
    with joined(read_place(first.devices, first.nodes), first.device):
        tried = [
            _try_rate(
                replace(experiment, settings=one), variant, seed, runs, validation
            )
            for one in each
        ]
        best = find_best_rate(tried)
        searched = [replace(row, chosen=row.rate == best) for row in tried]
        do_once(lambda: write_records(learning_rates, searched, RateRow))
    if best is None:
        raise RunError(
            f"{variant.name}, {split}: training diverged with each learning rate; give "
            "smaller ones in train.learning_rate"
        )
    _report(best, settings.rates, f"{variant.name}, {split}")


def _report(best: float, rates: tuple[float, ...], name: str) -> None:
    """Say what was chosen, and whether a rate that was not tried may be better."""
    _log.info("%s: learning rate %g chosen among %d", name, best, len(rates))
    if best in {rates[0], rates[-1]}:
        end = "smallest" if best == rates[0] else "largest"
        _log.warning(
            "%s: the best learning rate, %g, is the %s of the list; extend "
            "train.learning_rate",
            *(name, best, end),
        )


def _read_validation(experiment: Experiment) -> WholeScans:
    """The validation scans of the training domains.

    Raises:
        DamagedError: a harmonized scan is damaged; it is deleted.
        StageError: there is none.
    """
    known, domain_of = experiment.card.domains, experiment.domain_of
    chosen = [scan for scan in experiment.validation if domain_of[scan] in known]
    if not chosen:
        raise StageError(
            f"split {experiment.split!r}: a list in train.learning_rate needs "
            "validation scans of its training domains, and none could be harmonized; "
            "raise split.validation_fraction or give one number"
        )
    needs = experiment.card.needs
    references = experiment.training if "style" in needs else ()
    scans, training = map(experiment.read_scans, (chosen, references))
    return WholeScans(scans, training, experiment.settings, needs)


def _try_rate(
    experiment: Experiment,
    variant: Variant,
    seed: int,
    runs: Path,
    validation: Iterable[Mapping[str, Tensor]],
) -> RateRow:
    """Train the network of one rate, unless it is current, and measure its Dice."""
    rate = experiment.settings.learning_rate
    folder = rate_folder(runs, rate)
    diverged = RateRow(variant, experiment.split, rate, None, None, chosen=False)
    try:
        train_network(experiment, seed, folder, runs)
    except DivergedError:
        _log.warning("%s: training diverged with learning rate %g", variant.name, rate)
        return diverged
    run = run_folder(folder, seed)
    network, card = read_model(run, find_device(experiment.settings.device))
    if not _is_finite(network):
        return diverged
    torch.manual_seed(seed)  # some layers draw
    with torch.no_grad():
        dice = float(score_scans(network, validation, card.patch))
    loss = float(read_json(sidecar_path(model_path(run)))["final_loss"])
    return replace(diverged, validation_dice=round(dice, 6), final_loss=loss)


def _is_finite(network: nn.Module) -> bool:
    """Whether all weights are numbers."""
    return all(bool(w.isfinite().all()) for w in network.state_dict().values())
