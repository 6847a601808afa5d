"""How predictions were scored, in the words of a paper."""

from collections.abc import Iterable, Sequence

from medinorm.config import ScoreConfig
from medinorm.records.calibration import BINS
from medinorm.records.metrics import METRICS, Metric
from medinorm.records.scans import ScanRow

_SURFACES = {
    "area": "NSD weights each element of the surfaces by its area (Nikolov et al. "
    "2021); HD95 counts each voxel of the surfaces as one.",
    "voxel": "NSD and HD95 count each voxel of the surfaces as one.",
}


def describe_scores(score: ScoreConfig | None, scans: Sequence[ScanRow]) -> list[str]:
    """Definitions of the scores, also of missing predictions and structures.

    Args:
        score: how predictions were scored, if it is known.
        scans: all scans.
    """
    tolerance = f"{score.tolerance:g} mm" if score else "the configured one"
    lowest = f"{score.failure:g}" if score else "the configured limit"
    warning = warn_small_tolerance(scans, score.tolerance) if score else ""
    lesions = score.lesions if score else ()
    metrics = [m for m in METRICS.values() if lesions or not m.of_lesions]
    worst = ", ".join(f"{m.title} {_worst(m)}" for m in metrics if m.worst is not None)
    return [
        "Each label of each scan is scored.",
        *(f"{metric.title}: {metric.text}." for metric in metrics),
        *(
            [f"Lesions are connected pieces of {', '.join(lesions)}."]
            if lesions
            else []
        ),
        f"The tolerance of surfaces is {tolerance}.",
        *([warning] if warning else []),
        *([_SURFACES[score.surface]] if score else []),
        "Means are taken over the scans and seeds of a domain for each label, then "
        "over labels, then over domains, each with equal weight: a label that occurs "
        "in few scans counts as much as the others.",
        f"A missing prediction scores {worst}. "
        "Failures are missing predictions, structures that were missed, structures "
        f"that are not there, and predictions with a Dice below {lowest}. "
        "A label that neither the label map nor the prediction holds is right: it has "
        "no score, enters no mean, and is counted. In a paired difference it counts as "
        "Dice 1 against a structure that is not there.",
    ]


CONFIDENCE_MEASURES = (
    "confidence:calibration_error",
    "confidence:brier_score",
    "confidence:error_retention",
)
"""What is measured of the confidence of predictions, as the sources name it."""


def describe_confidence() -> list[str]:
    """How the confidence of predictions was judged."""
    return [
        "The confidence of a voxel is the probability of the label that was predicted "
        "there. It was judged in a band around the structures, true or predicted, and "
        "5 mm beyond.",
        f"Expected calibration error: mean distance of confidence and accuracy over "
        f"{BINS} bins, weighted by voxels. Brier score: mean squared distance of "
        "confidence from 1 (right) or 0 (wrong). Error-retention curve: share of wrong "
        "voxels among the most confident ones, over how many are retained. All are "
        "means over predictions.",
    ]


def warn_small_tolerance(scans: Iterable[ScanRow], tolerance: float) -> str:
    """What is wrong with a tolerance that is smaller than the voxels; often nothing.

    Args:
        scans: all scans; those of unknown spacing are not judged.
        tolerance: of surfaces, in mm.
    """
    spacings = [row.identity.spacing for row in scans]
    longest = [side for text in spacings if (side := _longest_side(text))]
    coarse = [side for side in longest if side > tolerance]
    if not coarse:
        return ""
    return (
        f"The voxels of {len(coarse)} of {len(longest)} scans are up to "
        f"{max(coarse):g} mm long, more than this tolerance: there an error of one "
        "voxel is already outside of it, and NSD says little. Set score.tolerance to "
        f"{max(coarse):g} mm or more."
    )


def _longest_side(spacing: str | None) -> float | None:
    """The longest side of a voxel, in mm, of a text like ``1x1x3``.

    Examples:
        >>> _longest_side("3x3x3.6"), _longest_side(None)
        (3.6, None)
    """
    try:
        return max(map(float, (spacing or "").split("x")))
    except ValueError:
        return None


def _worst(metric: Metric) -> str:
    """The score of a missing prediction, in words."""
    return (
        f"the {metric.worst}" if isinstance(metric.worst, str) else f"{metric.worst:g}"
    )
