"""How sure networks were, and how often they were right."""

from dataclasses import dataclass
from pathlib import Path

from medinorm.variant import Variant

BINS = 20  # of equal width, from 0 to 1

_BESIDE = "_calibration"


@dataclass(frozen=True)
class CalibrationRow:
    """How sure one prediction was in a band around the structures.

    The confidence of a voxel is the probability of the label that was predicted there.
    Bins are those of `BINS`, lowest confidence first.

    Args:
        variant: what was compared.
        split: split that the network was trained on.
        seed: seed of its training.
        scan: the scan.
        voxels: in each bin.
        correct: of these, with the right label.
        confidence: mean of the voxels in each bin; 0 where there are none.
        brier: mean squared difference of confidence and 1 (right) or 0 (wrong).
    """

    variant: Variant
    split: str
    seed: int
    scan: str
    voxels: tuple[int, ...]
    correct: tuple[int, ...]
    confidence: tuple[float, ...]
    brier: float


@dataclass(frozen=True)
class CalibrationSummaryRow:
    """How well a variant knows when it is wrong, on one domain; means over predictions.

    Args:
        design: of the splits.
        in_domain: whether the networks trained on the domain.
        predictions: how many.
        ece: expected calibration error, 0 to 1: mean distance of confidence and
            accuracy over bins.
        brier: Brier score of the predicted label, 0 to 1.
        error: share of wrong voxels.
        error_75: the same among the 75 % of voxels with the highest confidence.
        error_50: the same among 50 %.
        retention: area under the error-retention curve: the mean error over all shares
            of retained voxels. A network that knows when it is wrong has a low one.
    """

    variant: Variant
    design: str
    domain: str
    in_domain: bool
    predictions: int
    ece: float
    brier: float
    error: float
    error_75: float
    error_50: float
    retention: float


@dataclass(frozen=True)
class RetentionRow:
    """One point of the error-retention curve of a variant on one domain.

    Voxels are retained by their confidence, the highest first; the mean is over
    predictions.

    Args:
        design: of the splits.
        in_domain: whether the networks trained on the domain.
        retained: share of the voxels, 0 to 1.
        error: share of wrong voxels among those that are retained.
    """

    variant: Variant
    design: str
    domain: str
    in_domain: bool
    retained: float
    error: float


def calibration_path(scores: Path) -> Path:
    """The table beside a table of scores that says how sure predictions were.

    Examples:
        >>> calibration_path(Path("pooled/job-0.parquet")).as_posix()
        'pooled/job-0_calibration.parquet'
    """
    return scores.with_name(f"{scores.stem}{_BESIDE}.parquet")


def is_calibration(path: Path) -> bool:
    """Whether a table is one that lies beside a table of scores.

    Examples:
        >>> is_calibration(Path("pooled/job-0_calibration.parquet"))
        True
    """
    return path.stem.endswith(_BESIDE)


def confidence_path(prediction: Path) -> Path:
    """How sure a network was of each voxel of a prediction; in a folder of its own.

    Examples:
        >>> confidence_path(Path("seed-0/sub-1.nii.gz")).as_posix()
        'seed-0/confidence/sub-1.nii.gz'
    """
    return prediction.parent / "confidence" / prediction.name
