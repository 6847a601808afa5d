"""Describe a network by what passes through it in the test scans of its split.

Of each scan, one patch passes: that in the middle. It is of the size of training
patches, and conditional norms get what they get in training. Of each domain a few scans
are enough: the first `SCANS` by name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, starmap
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medinorm.files.records import write_records
from medinorm.predict.mechanism.drift import measure_drift
from medinorm.predict.mechanism.features import (
    ChannelStatistics,
    PassedFeatures,
    measuring,
    stack,
)
from medinorm.predict.mechanism.probe import guess_domains
from medinorm.records.beyond_means import (
    LayerDriftRow,
    ProbeRow,
    Side,
    drift_path,
    probe_path,
)
from medinorm.records.scans import SplitRow
from medinorm.train.conditions import MAPS, central_patch, scan_conditions
from medinorm.train.dataset import pad_to
from medinorm.train.model import ModelCard
from medinorm.variant import Variant

Statistics = dict[str, ChannelStatistics]

SCANS = 20  # of a domain


@dataclass(frozen=True)
class NetworkName:
    """Which network: the first columns of the tables."""

    variant: Variant
    split: str
    seed: int


@dataclass(frozen=True)
class PassedScan:
    """A scan and what passed through the network with it.

    Args:
        scan: the scan.
        subject: of the scan.
        domain: of the scan.
        passed: the statistics.
    """

    scan: str
    subject: str
    domain: str
    passed: PassedFeatures


@dataclass
class PassingScans:
    """What passed through the networks of one job, as it becomes known.

    Args:
        split: that the networks were trained on.
        adapt: what was adapted at test time.
        few: the scans that pass, with subject and domain, by id.
    """

    split: str
    adapt: str
    few: Mapping[str, SplitRow]
    measured: dict[NetworkName, list[PassedScan]] = field(default_factory=dict)
    known: set[tuple[int, str]] = field(default_factory=set)

    @classmethod
    def of(
        cls, rows: Iterable[SplitRow], split: str, adapt: str, *, few: bool
    ) -> "PassingScans":
        """Nothing has passed yet.

        Args:
            rows: of the split.
            split: that the networks were trained on.
            adapt: what was adapted at test time.
            few: whether scans pass at all.
        """
        chosen = choose_few(rows) if few else []
        return cls(split, adapt, {row.scan: row for row in chosen})

    def lacks(self, seed: int, scan: str) -> bool:
        """Whether a scan should have passed through a network, and did not."""
        return scan in self.few and (seed, scan) not in self.known

    def add(
        self, seed: int, scan: str, result: tuple[ModelCard, PassedFeatures]
    ) -> None:
        """Add what passed through one network with one scan."""
        card, passed = result
        levels = card.intensity, card.norm, card.augmentation, self.adapt
        name = NetworkName(Variant(*levels), self.split, seed)
        row = self.few[scan]
        measured = PassedScan(scan, row.subject, row.domain, passed)
        self.measured.setdefault(name, []).append(measured)
        self.known.add((seed, scan))

    def write(self, predicted: Path) -> None:
        """Write the tables of all networks of the job.

        Args:
            predicted: the status table of the job, which they lie beside.
        """
        networks = [
            (name, sorted(scans, key=lambda one: one.scan))
            for name, scans in self.measured.items()
        ]
        drift = chain.from_iterable(starmap(tabulate_drift, networks))
        probe = chain.from_iterable(starmap(tabulate_probe, networks))
        write_records(drift_path(predicted), drift, LayerDriftRow)
        write_records(probe_path(predicted), probe, ProbeRow)


def pass_patch(
    network: nn.Module,
    card: ModelCard,
    image: NDArray[Any],
    *,
    domain: int,
    references: NDArray[Any],
) -> PassedFeatures:
    """What passes through a network with the patch in the middle of an image.

    Args:
        network: in evaluation mode.
        card: of the network.
        image: harmonized, shape ``(C, X, Y, Z)``.
        domain: index of its domain in training; -1 if never seen.
        references: patches of scans of the same domain, ``(K, C, x, y, z)``.
    """
    device = next(network.parameters()).device
    padded = pad_to(image, card.patch)
    conditions = scan_conditions(
        padded,
        card.needs,
        domain=domain,
        references=references,
        regions=card.regions,
    )
    for word in MAPS:
        if word in conditions:
            whole = conditions[word][0].numpy()
            conditions[word] = torch.from_numpy(central_patch(whole, card.patch))[None]
    patch = torch.from_numpy(central_patch(padded, card.patch))[None].to(device)
    with torch.inference_mode(), measuring(network) as passed:
        network(patch, **{word: value.to(device) for word, value in conditions.items()})
    return passed


def tabulate_drift(
    name: NetworkName, scans: Sequence[PassedScan]
) -> Iterator[LayerDriftRow]:
    """Two rows a normalization layer; none where nothing is known.

    Args:
        name: of the network.
        scans: of several domains.
    """
    if not scans:
        return
    domains = _number([scan.domain for scan in scans])
    layers = list(scans[0].passed.before)
    for place, layer in enumerate(layers, start=1):
        sides: list[tuple[Side, list[Statistics]]] = [
            ("before", [scan.passed.before for scan in scans]),
            ("after", [scan.passed.after for scan in scans]),
        ]
        for side, measured in sides:
            means, deviations = stack(measured, layer)
            drift = measure_drift(means, deviations, domains)
            if np.isfinite(drift).all():
                yield LayerDriftRow(
                    name.variant,
                    name.split,
                    name.seed,
                    place,
                    layer,
                    means.shape[1],
                    side,
                    *drift,
                )


def tabulate_probe(
    name: NetworkName, scans: Sequence[PassedScan]
) -> Iterator[ProbeRow]:
    """One row a scan; none with one domain, or where no domain can be left a subject.

    Args:
        name: of the network.
        scans: of several domains.
    """
    known = [scan for scan in scans if scan.passed.bottleneck is not None]
    names = sorted({scan.domain for scan in known})
    if len(names) < 2:
        return
    features = np.stack([_join(scan.passed) for scan in known])
    domains = _number([scan.domain for scan in known])
    subjects = _number([scan.subject for scan in known])
    guesses = guess_domains(features, domains, subjects)
    for scan, guess in zip(known, guesses.tolist(), strict=True):
        if guess >= 0:
            yield ProbeRow(
                name.variant,
                name.split,
                name.seed,
                scan.scan,
                scan.domain,
                names[guess],
            )


def choose_few(rows: Iterable[SplitRow]) -> list[SplitRow]:
    """Of the scans that test, the first `SCANS` of each domain, by id."""
    chosen: dict[str, list[SplitRow]] = {}
    for row in sorted(rows, key=lambda row: row.scan):
        own = chosen.setdefault(row.domain, [])
        if row.role == "test" and len(own) < SCANS:
            own.append(row)
    return [row for own in chosen.values() for row in own]


def _join(passed: PassedFeatures) -> NDArray[np.float64]:
    """The features of the bottleneck: means and standard deviations of channels."""
    own = passed.bottleneck
    if own is None:
        raise ValueError("nothing passed")
    return np.concatenate([own.means, own.deviations])


def _number(words: Sequence[str]) -> NDArray[np.intp]:
    """The place of each word among the distinct words."""
    return np.unique(np.array(words), return_inverse=True)[1].astype(np.intp)
