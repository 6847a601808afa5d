r"""Whether networks know when they are wrong, on domains they saw and did not see.

The expected calibration error is the mean distance of confidence and accuracy over the
bins b of a prediction, weighted by their voxels:

.. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n} \lvert \mathrm{acc}_b - \mathrm{conf}_b \rvert

The error-retention curve is the share of wrong voxels among the most confident ones,
over how many are retained. Voxels of one bin are retained together, each with the mean
error of its bin.

References:
    Guo et al., "On calibration of modern neural networks", ICML 2017, arXiv:1706.04599.
    Malinin et al., "Shifts 2.0: extending the dataset of real distributional shifts",
    2022, arXiv:2206.15407.
"""  # noqa: E501 (a formula)

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from medinorm.records.calibration import CalibrationRow, CalibrationSummaryRow
from medinorm.records.evidence import CaseRow
from medinorm.variant import Variant

Prediction = tuple[Variant, str, int, str]
Group = tuple[Variant, str, str, bool]


def tabulate_calibration(
    rows: Sequence[CalibrationRow], cases: Sequence[CaseRow]
) -> Iterator[CalibrationSummaryRow]:
    """Means over the predictions of each variant on each domain.

    Args:
        rows: one a prediction.
        cases: all cases; they know the domains.
    """
    places = {_prediction(case): case for case in cases}
    groups: dict[Group, list[PredictionCalibration]] = {}
    for row in rows:
        case = places.get((row.variant, row.split, row.seed, row.scan))
        if case is not None and any(row.voxels):
            key = row.variant, case.design, case.domain, case.in_domain
            groups.setdefault(key, []).append(measure_prediction(row))
    for key in sorted(groups):
        means = PredictionCalibration(*map(fmean, zip(*groups[key], strict=True)))
        yield CalibrationSummaryRow(*key, len(groups[key]), *means)


class PredictionCalibration(NamedTuple):
    """The columns of `CalibrationSummaryRow` for one prediction."""

    ece: float
    brier: float
    error: float
    error_75: float
    error_50: float
    retention: float


def measure_prediction(row: CalibrationRow) -> PredictionCalibration:
    """How well the confidence of one prediction says where it is wrong."""
    voxels, correct = np.array(row.voxels, float), np.array(row.correct, float)
    off = np.abs(correct - voxels * np.array(row.confidence))
    # Most confident first, from nothing retained to everything.
    retained = np.append(0.0, np.cumsum(voxels[::-1])) / voxels.sum()
    errors = np.append(0.0, np.cumsum((voxels - correct)[::-1])) / voxels.sum()
    shares = np.linspace(0.01, 1.0, 100)
    curve = np.interp(shares, retained, errors) / shares
    return PredictionCalibration(
        ece=float(off.sum() / voxels.sum()),
        brier=row.brier,
        error=float(errors[-1]),
        error_75=float(curve[74]),
        error_50=float(curve[49]),
        retention=float(curve.mean()),
    )


def _prediction(case: CaseRow) -> Prediction:
    """Which prediction a case belongs to."""
    score = case.score
    return score.variant, score.split, score.seed, score.scan
