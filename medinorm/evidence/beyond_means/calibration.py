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

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medinorm.columns.calibration import CalibrationColumns
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
_ROWS = 1 << 14  # predictions that are measured at once


def write_calibration(
    folder: Path, tables: Iterable[CalibrationColumns], cases: Cases
) -> None:
    """Write `calibration.tsv` and `error_retention.tsv`.

    Args:
        folder: where to.
        tables: one row a prediction; each is let go of before the next.
        cases: all cases; they know the domains.
    """
    groups = measure_groups(tables, cases)
    summary, curves = summarize_groups(groups), tabulate_retention(groups)
    write_records(folder / "calibration.tsv", summary, CalibrationSummaryRow)
    write_records(folder / "error_retention.tsv", curves, RetentionRow)


def tabulate_calibration(
    tables: Iterable[CalibrationColumns], cases: Cases
) -> Iterator[CalibrationSummaryRow]:
    """Means over the predictions of each variant on each domain.

    Args:
        tables: one row a prediction.
        cases: all cases; they know the domains.
    """
    yield from summarize_groups(measure_groups(tables, cases))


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


@dataclass
class _Sums:
    """Sums over the predictions of one group, as of `GroupCalibration`."""

    predictions: int = 0
    measured: Array = field(
        default_factory=lambda: np.zeros(len(PredictionCalibration._fields))
    )
    curve: Array = field(default_factory=lambda: np.zeros(len(SHARES)))

    def add(self, measured: Array, curves: Array) -> None:
        """Add some predictions, ``(n, 6)`` and ``(n, shares)``."""
        self.predictions += len(measured)
        self.measured += measured.sum(axis=0)
        self.curve += curves.sum(axis=0)

    def average(self) -> GroupCalibration:
        """The means."""
        means = PredictionCalibration(*(self.measured / self.predictions).tolist())
        return GroupCalibration(self.predictions, means, self.curve / self.predictions)


def measure_groups(
    tables: Iterable[CalibrationColumns], cases: Cases
) -> Mapping[Group, GroupCalibration]:
    """The calibration of each variant on each domain; arguments as above.

    Predictions without a structure in sight have no voxels, and are left out.
    """
    facts = _find_facts(cases)
    sums: dict[Group, _Sums] = defaultdict(_Sums)
    for table in tables:
        for start in range(0, len(table), _ROWS):
            _add_rows(table, slice(start, start + _ROWS), facts, sums)
    return {key: sums[key].average() for key in sorted(sums)}


def _add_rows(
    table: CalibrationColumns,
    rows: slice,
    facts: Mapping[tuple[str, str], tuple[str, str, bool]],
    sums: Mapping[Group, _Sums],
) -> None:
    """Add some rows of a table to the sums of their groups.

    Args:
        table: one row a prediction.
        rows: which of them.
        facts: see `_find_facts`.
        sums: by group; missing ones are made.
    """
    columns = table.variant[rows].tolist(), table.split[rows].tolist()
    scans = table.scan[rows].tolist()
    keys = [
        None if (fact := facts.get((split, scan))) is None else (variant, *fact)
        for variant, split, scan in zip(*columns, scans, strict=True)
    ]
    place = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    voxels, correct = table.voxels[rows], table.correct[rows]
    group = np.array([place[key] for key in keys], dtype=np.intp)
    used = voxels.any(axis=1)
    for key, number in place.items():
        own = used & (group == number)
        if key is not None and own.any():
            curves = trace_curves(voxels[own], correct[own])
            confidence = table.confidence[rows][own]
            brier = table.brier[rows][own]
            sums[key].add(
                measure_predictions(
                    voxels[own], correct[own], confidence, brier, curves
                ),
                curves,
            )


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


def trace_curves(voxels: Array, correct: Array) -> Array:
    """Share of wrong voxels among the most confident, at each of `SHARES`.

    Between the bins the errors grow evenly.

    Args:
        voxels: of each prediction in each bin, ``(n, bins)``; some in each row.
        correct: of these, the right ones.

    Returns:
        Shape ``(n, shares)``.
    """
    total = voxels.sum(axis=1, keepdims=True)
    nothing = np.zeros((len(voxels), 1))
    # Most confident first, from nothing retained to everything.
    retained = np.hstack([nothing, np.cumsum(voxels[:, ::-1], axis=1)]) / total
    errors = np.hstack([nothing, np.cumsum((voxels - correct)[:, ::-1], axis=1)])
    errors /= total
    # The bin in which each share ends: as many bins end before it.
    ends = np.searchsorted(SHARES, retained[:, 1:])
    rows, number = len(voxels), len(SHARES) + 1
    counted = np.bincount(
        (ends + number * np.arange(rows)[:, np.newaxis]).ravel(),
        minlength=rows * number,
    )
    left = np.cumsum(counted.reshape(rows, number), axis=1)[:, :-1]
    left = np.minimum(left, voxels.shape[1] - 1)
    at, before = (np.take_along_axis(one, left, axis=1) for one in (retained, errors))
    step, growth = (
        np.take_along_axis(np.diff(one, axis=1), left, axis=1)
        for one in (retained, errors)
    )
    slope = np.divide(growth, step, out=np.zeros_like(step), where=step > 0)
    return np.asarray((before + slope * (SHARES - at)) / SHARES)


def measure_predictions(
    voxels: Array, correct: Array, confidence: Array, brier: Array, curves: Array
) -> Array:
    """How well the confidence of predictions says where they are wrong.

    Args:
        voxels: as of `CalibrationColumns`; some in each row.
        correct: the same.
        confidence: the same.
        brier: the same.
        curves: of `trace_curves`.

    Returns:
        The columns of `PredictionCalibration`, ``(n, 6)``.
    """
    off = np.abs(correct - voxels * confidence).sum(axis=1) / voxels.sum(axis=1)
    points = curves[:, -1], curves[:, 74], curves[:, 49], curves.mean(axis=1)
    return np.stack([off, brier, *points], axis=1)


def measure_prediction(row: CalibrationRow) -> PredictionCalibration:
    """How well the confidence of one prediction says where it is wrong."""
    own = CalibrationColumns.of([row])
    curves = trace_curves(own.voxels, own.correct)
    columns = own.voxels, own.correct, own.confidence, own.brier
    return PredictionCalibration(*measure_predictions(*columns, curves)[0].tolist())


def trace_retention(row: CalibrationRow) -> Array:
    """As `trace_curves`, of one prediction: ``(shares,)``."""
    own = CalibrationColumns.of([row])
    return np.asarray(trace_curves(own.voxels, own.correct)[0])


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
