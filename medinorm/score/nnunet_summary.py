"""Scores in the form of nnU-Net's `summary.json`, for programs that read it.

Counts are of voxels. Like there, Dice and IoU of a label that neither map has are not
numbers (here null) and leave the means; means are over all cases. A missing prediction
counts as empty. The names of files are those of this study, without folders.

References:
    Isensee et al., "nnU-Net: a self-configuring method for deep learning-based
    biomedical image segmentation", Nature Methods 2021, doi:10.1038/s41592-020-01008-z.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from medinorm.records.scores import ScoreRow

Numbers = dict[str, float | int | None]

_NAMES = ("Dice", "FN", "FP", "IoU", "TN", "TP", "n_pred", "n_ref")


def summary_path(scores: Path) -> Path:
    """The summary beside a table of scores.

    Examples:
        >>> summary_path(Path("pooled/job-0.tsv")).as_posix()
        'pooled/job-0_summary.json'
    """
    return scores.with_name(f"{scores.stem}_summary.json")


def summarize_as_nnunet(
    rows: Sequence[ScoreRow], voxels: Mapping[str, int]
) -> dict[str, object]:
    """The summary of some scores.

    Args:
        rows: scores of one variant and split.
        voxels: voxels of each scan that count.

    Returns:
        `metric_per_case`, `mean` by label, and `foreground_mean` over labels.
    """
    cases: dict[tuple[int, str], dict[str, Numbers]] = {}
    for row in rows:
        of_case = cases.setdefault((row.seed, row.scan), {})
        of_case[str(row.label)] = _count(row, voxels[row.scan])
    labels = dict.fromkeys(label for of_case in cases.values() for label in of_case)
    mean = {
        label: _mean(of_case[label] for of_case in cases.values()) for label in labels
    }
    return {
        "foreground_mean": _mean(mean.values()),
        "mean": mean,
        "metric_per_case": [
            {
                "metrics": of_case,
                "prediction_file": f"seed-{seed}/{scan}.nii.gz",
                "reference_file": f"{scan}.nii.gz",
            }
            for (seed, scan), of_case in cases.items()
        ],
    }


def _count(row: ScoreRow, voxels: int) -> Numbers:
    """Counts of one label of one prediction."""
    true, predicted = row.voxels_label or 0, row.voxels_prediction or 0
    shared = round((row.dice or 0.0) * (true + predicted) / 2)
    union = true + predicted - shared
    return {
        "Dice": 2 * shared / (true + predicted) if union else None,
        "FN": true - shared,
        "FP": predicted - shared,
        "IoU": shared / union if union else None,
        "TN": voxels - union,
        "TP": shared,
        "n_pred": predicted,
        "n_ref": true,
    }


def _mean(numbers: Iterable[Numbers]) -> Numbers:
    """Means of those that are known."""
    listed = list(numbers)
    means: Numbers = {}
    for name in _NAMES:
        known = [value for n in listed if (value := n[name]) is not None]
        means[name] = fmean(known) if known else None
    return means
