"""Score the predictions of the networks of one split against the label maps."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from medinorm.choices import AdaptName, AugmentationName, IntensityName, NormName
from medinorm.columns.calibration import write_calibration
from medinorm.columns.scores import write_scores
from medinorm.config import MeasureConfig, TaskConfig
from medinorm.damage import require_failed, require_unchanged
from medinorm.errors import (
    GeometryError,
    LabelError,
    ReadError,
    ScanError,
    StageError,
)
from medinorm.files.atomic import write_json
from medinorm.files.nifti import Volume, read_volume
from medinorm.files.records import read_records
from medinorm.jobs.declare import stage
from medinorm.jobs.progress import track
from medinorm.layout import run_folder
from medinorm.records.calibration import CalibrationRow, confidence_path
from medinorm.records.scans import Scan, SplitRow, read_scans
from medinorm.records.scores import ScoreRow, ScoreState
from medinorm.records.status import PredictionStatus
from medinorm.score.calibration import Calibration, measure_calibration
from medinorm.score.compare import LabelMeasures, compare_label_maps, worst_scores
from medinorm.score.nnunet_summary import summarize_as_nnunet, summary_path
from medinorm.score.overlaps import Labels
from medinorm.variant import Variant

# Of a voxel: NIfTI keeps affines in single precision; that little moves no surface.
_SAME_PLACE = 0.05

_log = logging.getLogger(__name__)


class LabelScore(NamedTuple):
    """The scores of one label of one prediction, as in `ScoreRow`."""

    label: int
    state: ScoreState
    metrics: Mapping[str, float | None]
    voxels_label: int
    voxels_prediction: int | None
    voxel_ml: float


class Predicted(NamedTuple):
    """One prediction, which may be absent."""

    path: Path
    scan: str
    seed: int


@dataclass(frozen=True)
class Scorer:
    """How each prediction of one job is scored.

    Args:
        values: the labels to score.
        measures: how they are measured.
        ignored: value of voxels in the true map that count for nothing, if there are.
    """

    values: tuple[int, ...]
    measures: LabelMeasures
    ignored: int | None = None

    def score(self, truth: Volume, predicted: Labels | None) -> Iterator[LabelScore]:
        """One score for each label; a prediction that cannot be used gets the worst."""
        label = _labels(truth)
        if predicted is None:
            yield from self._missing(truth, label)
            return
        if self.ignored is not None:
            predicted = np.where(label == self.ignored, 0, predicted)
        agreements = compare_label_maps(
            label, predicted, self.values, truth.spacing, self.measures
        )
        for value, agreement in zip(self.values, agreements, strict=True):
            counts = agreement.voxels_label, agreement.voxels_prediction
            yield LabelScore(
                value, _state(*counts), agreement.metrics, *counts, _voxel_ml(truth)
            )

    def calibrate(
        self, truth: Volume, predicted: Labels, item: Predicted
    ) -> Calibration | None:
        """How sure a prediction was; ``None`` if that was not kept."""
        path = confidence_path(item.path)
        if not path.exists():
            return None
        try:
            confidence = _read_prediction(item._replace(path=path), truth)
        except ScanError as error:
            _log.warning("%s: no calibration: %s", item.path.name, error)
            return None
        maps = _labels(truth), predicted, confidence
        return measure_calibration(*maps, truth.spacing, self.ignored)

    def _missing(self, truth: Volume, label: Labels) -> Iterator[LabelScore]:
        """Scores of a scan without a usable prediction."""
        for value in self.values:
            worst = worst_scores(
                truth.grid, truth.spacing, lesions=value in self.measures.lesions
            )
            voxels = int(np.count_nonzero(label == value))
            yield LabelScore(value, "missing", worst, voxels, None, _voxel_ml(truth))


def find_lesions(task: TaskConfig, names: Sequence[str]) -> frozenset[int]:
    """The values of the labels that are lesions.

    Args:
        task: the labels.
        names: of those that are lesions.

    Raises:
        StageError: no label has one of the names.
    """
    values = {name: value for value, name in task.named_labels.items()}
    unknown = [name for name in names if name not in values]
    if unknown:
        raise StageError(
            f"score.lesions: {unknown[0]!r} is no label; the labels are "
            f"{', '.join(values)}"
        )
    return frozenset(values[name] for name in names)


def _voxel_ml(volume: Volume) -> float:
    """Volume of a voxel, in ml."""
    return math.prod(volume.spacing) / 1000


def _state(voxels_label: int, voxels_prediction: int) -> ScoreState:
    """What became of one label of a scan that has a prediction."""
    if voxels_label:
        return "scored"
    return "false_positive" if voxels_prediction else "empty"


@stage("score", after="predict")
def score_predictions(  # noqa: PLR0913 (the five files and the names of one job)
    predictions: Path,
    scans: Path,
    splits: Path,
    canonical: Path,
    scores: Path,
    *,
    intensity: IntensityName,
    norm: NormName,
    augmentation: AugmentationName,
    adapt: AdaptName = "none",
    split: str,
    seeds: Sequence[int],
    input: TaskConfig,  # noqa: A002 (the word of the configuration)
    score: MeasureConfig,
) -> None:
    """Score every test scan of a split, for each seed and label.

    No row is ever left out: a prediction that is missing, unreadable or on another grid
    gets the worst score of each metric: Dice 0, NSD 0 and the image's diagonal as HD95.
    A label that neither map has is a row without scores, `empty`; one that only the
    prediction has is a `false_positive`, with its voxels and the worst scores. The same
    scores are written beside the table as nnU-Net writes them (`_summary.json`).

    Args:
        predictions: folder with ``seed-<seed>/<scan>.nii.gz``.
        scans: `scans.tsv`.
        splits: `splits.tsv`.
        canonical: folder of the label maps.
        scores: table to write, Parquet; up to 200,000 rows also beside it as `.tsv`.
        intensity: intensity method of the networks.
        norm: normalization layer of the networks.
        augmentation: of their training patches.
        adapt: what was adapted at test time.
        split: whose test scans.
        seeds: seeds of the networks.
        input: the labels.
        score: the tolerance and what of a surface counts.

    Raises:
        DamagedError: a prediction or a label map is damaged or lost since it was made.
        StageError: the split has no test scans, a label map cannot be used, or what is
            to be a lesion is no label.
    """
    known = read_scans(scans, canonical)
    variant = Variant(intensity, norm, augmentation, adapt)
    lesions = find_lesions(input, score.lesions)
    measures = LabelMeasures(score.tolerance, score.surface, lesions)
    scorer = Scorer(tuple(sorted(input.named_labels)), measures, input.ignored)
    rows: list[ScoreRow] = []
    voxels = {}
    calibrations: list[CalibrationRow] = []
    for scan in track(_test_scans(splits, split), "score"):
        truth = _read_truth(scan, known)
        ignored = _labels(truth) == scorer.ignored if scorer.ignored else False
        voxels[scan] = math.prod(truth.grid) - int(np.sum(ignored))
        for seed in seeds:
            path = run_folder(predictions, seed) / f"{scan}.nii.gz"
            prediction = Predicted(path, scan, seed)
            predicted = _find_prediction(prediction, truth)
            rows += [
                ScoreRow(variant, split, seed, scan, *label_score)
                for label_score in scorer.score(truth, predicted)
            ]
            if predicted is None:
                continue
            sure = scorer.calibrate(truth, predicted, prediction)
            if sure is not None:
                calibrations.append(CalibrationRow(variant, split, seed, scan, *sure))
    write_scores(scores, rows)
    write_calibration(scores, calibrations)
    write_json(summary_path(scores), summarize_as_nnunet(rows, voxels))


def _test_scans(splits: Path, split: str) -> list[str]:
    """The test scans of one split."""
    rows = read_records(splits, SplitRow)
    tested = [row.scan for row in rows if row.split == split and row.role == "test"]
    if not tested:
        raise StageError(f"{splits.name}: split {split!r} has no test scans; see split")
    return tested


def _read_truth(scan: str, known: Mapping[str, Scan]) -> Volume:
    """The label map of a test scan; without it the study cannot be scored."""
    if scan not in known:
        raise StageError(f"{scan}: in splits.tsv but not in scans.tsv; split again")
    path = known[scan].label
    if path is None:
        raise StageError(f"{scan}: a test scan needs a label map; split again")
    try:
        truth = read_volume(require_unchanged(path))
        return truth.with_array(_labels(truth)[np.newaxis])
    except ScanError as error:
        raise StageError(f"{scan}: its label map: {error}; run ingest again") from error


def _find_prediction(item: Predicted, truth: Volume) -> Labels | None:
    """A predicted label map on the grid of the truth; ``None`` if it cannot be used."""
    try:
        return _read_prediction(item, truth)
    except ScanError as error:
        _log.warning("%s: prediction missing: %s", item.path.name, error)
        return None


def _read_prediction(item: Predicted, truth: Volume) -> Labels:
    """A predicted label map on the grid of the truth.

    Raises:
        DamagedError: it is damaged or lost since it was made.
        ScanError: there is none, or it cannot be used.
    """
    if not item.path.exists():
        reason = require_failed(
            item.path, PredictionStatus, scan=item.scan, seed=item.seed
        )
        raise ReadError(reason or "the file does not exist")
    predicted = read_volume(require_unchanged(item.path))
    if not predicted.same_grid(truth, _SAME_PLACE):
        raise GeometryError("not on the grid of the label map; predict again")
    return _labels(predicted)


def _labels(volume: Volume) -> Labels:
    """The one channel of a label map, as bytes.

    Raises:
        LabelError: it has several channels or values that are no labels.
    """
    if len(volume.array) != 1:
        raise LabelError(f"has {len(volume.array)} channels; a label map has one")
    values = volume.array[0]
    with np.errstate(invalid="ignore"):  # NaN is caught by the comparison
        labels: Labels = values.astype(np.uint8)
    if values.dtype != np.uint8 and not np.array_equal(labels, values):
        raise LabelError("holds values other than the integers 0 to 255")
    return labels
