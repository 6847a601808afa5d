"""What the runs of one training job share, and what each of them depends on."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from torch import nn

from medinorm.choices import AugmentationName, IntensityName, NormName
from medinorm.config import TaskConfig, TrainConfig
from medinorm.damage import checksum_of, require_failed, require_intact
from medinorm.errors import ConfigError, StageError
from medinorm.files.sidecars import Provenance
from medinorm.harmonize.fit import scans_of
from medinorm.layers.norms.cluster_instance import ClusterInstanceNorm3d
from medinorm.layers.statistics.random import Draws
from medinorm.layout import harmonized_paths
from medinorm.records.scans import SplitRow
from medinorm.records.status import ScanStatus
from medinorm.train.augmentations import AUGMENTATIONS, allow_mirrors, mirrored_axes
from medinorm.train.dataset import TrainingScan, read_training_scan
from medinorm.train.model import ModelCard

_INTERVAL = "checkpoint_steps"
_ROLES: tuple[Literal["train", "validation"], ...] = ("train", "validation")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Experiment:
    """What all seeds of a training job share.

    Args:
        card: the network and its inputs.
        settings: how to train.
        training: ids of the training scans.
        validation: ids of the validation scans.
        harmonized: folder of the harmonized scans.
        split: name of the split.
        domain_of: domain of each scan.
    """

    card: ModelCard
    settings: TrainConfig
    training: tuple[str, ...]
    validation: tuple[str, ...]
    harmonized: Path
    split: str
    domain_of: Mapping[str, str]

    @classmethod
    def of_split(
        cls,
        card: ModelCard,
        settings: TrainConfig,
        splits: Sequence[SplitRow],
        split: str,
        harmonized: Path,
    ) -> Self:
        """The experiment on the training and validation scans of a split.

        Scans that could not be harmonized are left out, with a warning.

        Raises:
            StageError: no training scan is left.
        """
        training, validation = (
            _harmonized(harmonized, scans_of(splits, split, role)) for role in _ROLES
        )
        if not training:
            raise StageError(
                f"split {split!r}: no training scan could be harmonized; "
                "the status tables of harmonize have the reasons"
            )
        domain_of = {row.scan: row.domain for row in splits if row.split == split}
        domains = tuple(sorted({domain_of[scan] for scan in training}))
        return cls(
            replace(card, domains=domains),
            settings,
            training,
            validation,
            harmonized,
            split,
            domain_of,
        )

    def read_scans(self, scans: Sequence[str]) -> list[TrainingScan]:
        """Open harmonized scans with what conditional norms need.

        Raises:
            DamagedError: a file is not what harmonize wrote.
        """
        for scan in scans:
            for path in harmonized_paths(self.harmonized, scan):
                require_intact(path)
        return [
            read_training_scan(self.harmonized, scan, self.card, self.domain_of[scan])
            for scan in scans
        ]

    def provenance(self, seed: int) -> Provenance:
        """What the network of one seed depends on.

        Raises:
            DamagedError: the sidecar of a harmonized file is lost or damaged.
        """
        # How often a run is saved changes nothing, unless the best save is chosen.
        # The budget is spent by the plan, whose numbers are recorded here.
        # Processes that share a run, or cut its patches, give the same mini-batches.
        ignored = {"budget", "devices", "nodes", "workers"}
        if not self.settings.compile:
            ignored.add("compile")
        ignored |= set() if self.settings.selection == "validation" else {_INTERVAL}
        settings = self.settings.model_dump(mode="json", exclude=ignored)
        inputs = {"scans": self._hash_scans(self.training)}
        if self.settings.selection == "validation":
            inputs["validation"] = self._hash_scans(self.validation)
        # Earlier versions trained this norm by the statistics of patches.
        surrounded = self.card.norm == "thumbnail_instance"
        return Provenance(
            settings={
                "card": json.loads(json.dumps(self.card.to_json())),
                "train": settings,
                "split": self.split,
                "seed": seed,
                **({"statistics": "surroundings"} if surrounded else {}),
            },
            inputs=inputs,
        )

    def _hash_scans(self, scans: Sequence[str]) -> str:
        """Checksum of images and label maps, and of domains if training uses them."""
        by_domain = (
            not {"domain", "style"}.isdisjoint(self.card.needs)
            or AUGMENTATIONS[self.card.augmentation].styles
        )
        digest = hashlib.blake2b(digest_size=16)
        for scan in sorted(scans):
            files = map(checksum_of, harmonized_paths(self.harmonized, scan))
            words = [scan, *files, self.domain_of[scan] if by_domain else ""]
            digest.update(f"{' '.join(words)}\n".encode())
        return digest.hexdigest()


def _harmonized(harmonized: Path, scans: Sequence[str]) -> tuple[str, ...]:
    """Those of `scans` that could be harmonized.

    Raises:
        DamagedError: a file that harmonize made is lost.
    """
    present = []
    for scan in scans:
        image, _ = harmonized_paths(harmonized, scan)
        if image.exists():
            present.append(scan)
        else:
            require_failed(image, ScanStatus, scan=scan)
    if missing := len(scans) - len(present):
        _log.warning("%d scans could not be harmonized and are left out", missing)
    return tuple(present)


@dataclass(frozen=True)
class Layer:
    """A normalization layer and its arguments.

    Args:
        norm: its name.
        options: its arguments, as JSON.
    """

    norm: NormName
    options: str


def describe_network(
    settings: TrainConfig,
    task: TaskConfig,
    intensity: IntensityName,
    layer: Layer,
    augmentation: AugmentationName,
) -> ModelCard:
    """The card of the networks of a variant; a split adds its domains.

    Raises:
        ConfigError: the options are not JSON, or the layer refuses them, or it cannot
            be trained by several processes.
    """
    card = ModelCard(
        intensity=intensity,
        norm=layer.norm,
        norm_options=_read_options(layer.options),
        augmentation=augmentation,
        network=settings.network,
        channels=task.channels,
        label_values=tuple(task.named_labels),
        patch=settings.patch,
        domains=(),
        shots=settings.shots,
        ignored=task.ignored,
        batch_size=settings.batch_size,
        foreground_ratio=settings.centred_share,
        mirror_axes=mirrored_axes(augmentation, allow_mirrors(settings, task)),
    )
    _check_network(replace(card, domains=("any",)), settings.processes)
    return card


def _read_options(text: str) -> dict[str, Any]:
    """The arguments of a layer from JSON."""
    try:
        options = json.loads(text)
    except json.JSONDecodeError:
        options = None
    if not isinstance(options, dict):
        raise ConfigError(
            "norm_options: give a JSON object, such as '{\"num_groups\": 4}'"
        )
    return options


def _check_network(card: ModelCard, processes: int) -> None:
    """Build the network once: a refused argument is reported before any work."""
    try:
        network = card.build()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"norm_options: {card.norm} refuses them: {error}") from None
    if processes > 1 and any(map(_looks_across, network.modules())):
        raise ConfigError(
            f"devices: {card.norm} compares or mixes the patches of a whole "
            "mini-batch; train it with devices: 1 and nodes: 1"
        )


def _looks_across(layer: nn.Module) -> bool:
    """Whether a layer's result changes if processes share the mini-batch.

    Batch statistics are measured over all processes; these layers are not.
    """
    return isinstance(layer, (Draws, ClusterInstanceNorm3d))
