"""The predictions of a study, measured with and without the label map."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

from medinorm.damage import require_unchanged
from medinorm.errors import DamagedError, ScanError, StageError
from medinorm.expected.agreement import (
    compare_by_dice,
    measure_agreement,
    measure_sureness,
)
from medinorm.files.nifti import read_volume
from medinorm.files.records import read_records
from medinorm.layout import run_folder
from medinorm.records.calibration import confidence_path
from medinorm.records.labels import read_ignored_value
from medinorm.records.scans import Scan, SplitRow
from medinorm.records.status import PredictionStatus
from medinorm.score.overlaps import Labels
from medinorm.variant import Variant

DESIGN = "lodo"  # its networks meet a domain that they never saw
SCANS_READ = 40  # of each domain and split: two numbers need no more


class PredictedSplit(NamedTuple):
    """The predictions of one variant and split.

    Args:
        folder: one folder a seed.
        variant: the variant.
        split: name of the split.
        seeds: of each scan that has predictions.
    """

    folder: Path
    variant: Variant
    split: str
    seeds: Mapping[str, tuple[int, ...]]


class MeasuredScan(NamedTuple):
    """What was measured of the predictions of one scan.

    Args:
        variant: of the networks.
        row: the scan in the table of splits.
        in_domain: whether the networks trained on its domain.
        seeds: how many networks.
        agreement: of their predictions.
        sureness: mean over networks.
        dice: mean over labels and networks.
    """

    variant: Variant
    row: SplitRow
    in_domain: bool
    seeds: int
    agreement: float | None
    sureness: float | None
    dice: float


class Truth(NamedTuple):
    """The label map of a scan.

    Args:
        labels: shape ``(X, Y, Z)``.
        spacing: in mm.
        ignored: value of voxels that count for nothing, if there are.
    """

    labels: Labels
    spacing: tuple[float, float, float]
    ignored: int | None

    def cover(self, predicted: Labels) -> Labels:
        """A prediction without the voxels that count for nothing."""
        if self.ignored is None:
            return predicted
        return np.where(self.labels == self.ignored, 0, predicted).astype(np.uint8)


@dataclass(frozen=True)
class Predictions:
    """The predictions of a study, and the scans they are of.

    Args:
        scans: usable scans by id.
        rows: of `splits.tsv`.
        values: of the labels.
    """

    scans: Mapping[str, Scan]
    rows: Sequence[SplitRow]
    values: tuple[int, ...]

    def measure(self, splits: Iterable[PredictedSplit]) -> Iterator[MeasuredScan]:
        """Measure the test scans of splits that leave a domain out.

        Args:
            splits: as `find_predictions` gives them.

        Raises:
            DamagedError: a prediction or a label map is damaged since it was made.
            StageError: a test scan has no label map that can be used.
        """
        trained = {(row.split, row.domain) for row in self.rows if row.role == "train"}
        read = lru_cache(maxsize=128)(_read_truth)
        for one in splits:
            for row in choose_tests(self.rows, one.split):
                if row.scan in one.seeds:
                    truth = read(self.scans[row.scan])
                    inside = (row.split, row.domain) in trained
                    yield from self._measure(one, row, truth, in_domain=inside)

    def _measure(
        self, one: PredictedSplit, row: SplitRow, truth: Truth, *, in_domain: bool
    ) -> Iterator[MeasuredScan]:
        """The measures of one scan, unless nothing can be measured."""
        maps, sure = [], []
        for seed in one.seeds[row.scan]:
            path = run_folder(one.folder, seed) / f"{row.scan}.nii.gz"
            label_map = _read_map(path, truth)
            if label_map is not None:
                maps.append(label_map)
                sure.append(_read_sureness(path, label_map, truth))
        dice = [
            compare_by_dice(truth.labels, truth.cover(own), self.values) for own in maps
        ]
        known = [value for value in dice if value is not None]
        sureness = [value for value in sure if value is not None]
        if known:
            yield MeasuredScan(
                one.variant,
                row,
                in_domain,
                len(maps),
                measure_agreement(maps, self.values),
                fmean(sureness) if sureness else None,
                fmean(known),
            )


def find_predictions(
    tables: Iterable[Path], rows: Sequence[SplitRow]
) -> list[PredictedSplit]:
    """The splits that leave a domain out, by the status tables of their predictions.

    Args:
        tables: beside the folders of the seeds, in folders named by variant and split.
        rows: of `splits.tsv`.
    """
    names = {row.split for row in rows if row.design == DESIGN}
    seeds: dict[Path, dict[str, list[int]]] = {}
    for table in tables:
        if table.parent.name in names:
            own = seeds.setdefault(table.parent, {})
            for status in read_records(table, PredictionStatus):
                if status.state == "ok":
                    own.setdefault(status.scan, []).append(status.seed)
    return [
        PredictedSplit(
            folder,
            Variant(*folder.parts[-5:-1]),
            folder.name,
            {scan: tuple(sorted(numbers)) for scan, numbers in own.items()},
        )
        for folder, own in sorted(seeds.items())
    ]


def choose_tests(rows: Sequence[SplitRow], split: str) -> list[SplitRow]:
    """Some test scans of each domain of a split, at even distances among all."""
    of_domain: dict[str, list[SplitRow]] = {}
    for row in rows:
        if row.split == split and row.role == "test":
            of_domain.setdefault(row.domain, []).append(row)
    return [
        own[index * len(own) // count]
        for own in of_domain.values()
        for count in [min(len(own), SCANS_READ)]
        for index in range(count)
    ]


def _read_truth(scan: Scan) -> Truth:
    """The label map of a test scan.

    Raises:
        StageError: there is none, or it cannot be read.
    """
    if scan.label is None:
        raise StageError(f"{scan.scan}: a test scan needs a label map; split again")
    try:
        volume = read_volume(require_unchanged(scan.label))
    except ScanError as error:
        why = f"{scan.scan}: its label map: {error}; run ingest again"
        raise StageError(why) from error
    labels = volume.array[0].astype(np.uint8)
    return Truth(labels, volume.spacing, read_ignored_value(scan.label))


def _read_map(path: Path, truth: Truth) -> Labels | None:
    """A predicted label map; ``None`` if it cannot be used, as when it is scored."""
    try:
        volume = read_volume(require_unchanged(path))
    except ScanError:
        return None
    labels = volume.array[0].astype(np.uint8)
    return labels if labels.shape == truth.labels.shape else None


def _read_sureness(path: Path, label_map: Labels, truth: Truth) -> float | None:
    """How sure a network was; ``None`` if that was not kept."""
    try:
        confidence = read_volume(require_unchanged(confidence_path(path))).array[0]
    except (DamagedError, ScanError):
        return None  # the agreement does not need it
    return measure_sureness(label_map, confidence, truth.spacing)
