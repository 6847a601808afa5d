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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medinorm.columns.cases import Cases
from medinorm.columns.words import group_rows
from medinorm.files.records import write_records
from medinorm.records.calibration import (
    CalibrationRow,
    CalibrationSummaryRow,
    RetentionRow,
)
from medinorm.variant import Variant

Group = tuple[Variant, str, str, bool]  # variant, design, domain, in-domain
Array = NDArray[np.float64]

SHARES = np.linspace(0.01, 1.0, 100)  # of the voxels that are retained
_STEP = 5  # every so many of them are in the table


def write_calibration(
    folder: Path, rows: Iterable[CalibrationRow], cases: Cases
) -> None:
    """Write `calibration.tsv` and `error_retention.tsv`.

    Args:
        folder: where to.
        rows: one a prediction.
        cases: all cases; they know the domains.
    """
    groups = measure_groups(rows, cases)
    summary, curves = summarize_groups(groups), tabulate_retention(groups)
    write_records(folder / "calibration.tsv", summary, CalibrationSummaryRow)
    write_records(folder / "error_retention.tsv", curves, RetentionRow)


def tabulate_calibration(
    rows: Iterable[CalibrationRow], cases: Cases
) -> Iterator[CalibrationSummaryRow]:
    """Means over the predictions of each variant on each domain.

    Args:
        rows: one a prediction.
        cases: all cases; they know the domains.
    """
    yield from summarize_groups(measure_groups(rows, cases))


class PredictionCalibration(NamedTuple):
    """The columns of `CalibrationSummaryRow` for one prediction."""

    ece: float
    brier: float
    error: float
    error_75: float
    error_50: float
    retention: float


@dataclass(frozen=True)
class GroupCalibration:
    """The calibration of one variant on one domain, means over predictions.

    Args:
        predictions: how many.
        means: of the columns of the summary.
        curve: share of wrong voxels among those retained, at each of `SHARES`.
    """

    predictions: int
    means: PredictionCalibration
    curve: Array


def measure_groups(
    rows: Iterable[CalibrationRow], cases: Cases
) -> Mapping[Group, GroupCalibration]:
    """The calibration of each variant on each domain; arguments as above.

    Predictions without a structure in sight have no voxels, and are left out.
    """
    facts = _find_facts(cases)
    groups: dict[Group, list[tuple[PredictionCalibration, Array]]] = {}
    for row in rows:
        fact = facts.get((row.split, row.scan))
        if fact is not None and any(row.voxels):
            key = row.variant, *fact
            curve = trace_retention(row)
            groups.setdefault(key, []).append((_measure(row, curve), curve))
    return {key: _average(groups[key]) for key in sorted(groups)}


def summarize_groups(
    groups: Mapping[Group, GroupCalibration],
) -> Iterator[CalibrationSummaryRow]:
    """One row a group."""
    for key, group in groups.items():
        yield CalibrationSummaryRow(*key, group.predictions, *group.means)


def tabulate_retention(
    groups: Mapping[Group, GroupCalibration],
) -> Iterator[RetentionRow]:
    """The error-retention curve of each group, in steps of 5 %."""
    for key, group in groups.items():
        for place in range(_STEP - 1, len(SHARES), _STEP):
            share, error = float(SHARES[place]), float(group.curve[place])
            yield RetentionRow(*key, round(share, 2), error)


def measure_prediction(row: CalibrationRow) -> PredictionCalibration:
    """How well the confidence of one prediction says where it is wrong."""
    return _measure(row, trace_retention(row))


def trace_retention(row: CalibrationRow) -> Array:
    """Share of wrong voxels among the most confident, at each of `SHARES`."""
    voxels, correct = np.array(row.voxels, float), np.array(row.correct, float)
    # Most confident first, from nothing retained to everything.
    retained = np.append(0.0, np.cumsum(voxels[::-1])) / voxels.sum()
    errors = np.append(0.0, np.cumsum((voxels - correct)[::-1])) / voxels.sum()
    return np.asarray(np.interp(SHARES, retained, errors) / SHARES)


def _measure(row: CalibrationRow, curve: Array) -> PredictionCalibration:
    """As `measure_prediction`, with the curve of the prediction."""
    voxels, correct = np.array(row.voxels, float), np.array(row.correct, float)
    off = np.abs(correct - voxels * np.array(row.confidence))
    return PredictionCalibration(
        ece=float(off.sum() / voxels.sum()),
        brier=row.brier,
        error=float(curve[-1]),
        error_75=float(curve[74]),
        error_50=float(curve[49]),
        retention=float(curve.mean()),
    )


def _average(
    predictions: Sequence[tuple[PredictionCalibration, Array]],
) -> GroupCalibration:
    """The mean over the predictions of a group."""
    measured, curves = zip(*predictions, strict=True)
    means = PredictionCalibration(*map(fmean, zip(*measured, strict=True)))
    return GroupCalibration(len(measured), means, np.mean(curves, axis=0))


def _find_facts(cases: Cases) -> dict[tuple[str, str], tuple[str, str, bool]]:
    """Design, domain and whether that was trained on, by split and scan."""
    scores = cases.scores
    own = cases[group_rows(scores.split, scores.scan).first]
    columns = (
        *(own.scores.split.tolist(), own.scores.scan.tolist()),
        *(own.design.tolist(), own.domain.tolist(), own.in_domain.tolist()),
    )
    return {
        (split, scan): (design, domain, known)
        for split, scan, design, domain, known in zip(*columns, strict=True)
    }
