"""Scores as arrays on the axes that all arrays of a study share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medinorm.evidence.bootstrap import Array, Replicates, draw_replicates
from medinorm.records.evidence import CaseRow
from medinorm.records.metrics import METRICS, PRIMARY_METRIC
from medinorm.variant import Variant


@dataclass(frozen=True)
class Axes:
    """What the axes of all arrays of a study stand for.

    Args:
        variants: everything that was compared.
        labels: label values.
        scans: test scans.
        seeds: seeds of training.
        subjects: subject of each scan.
        domains: domain of each scan.
        domain_names: each domain once.
    """

    variants: tuple[Variant, ...]
    labels: tuple[int, ...]
    scans: tuple[str, ...]
    seeds: tuple[int, ...]
    subjects: tuple[str, ...]
    domains: tuple[str, ...]
    domain_names: tuple[str, ...]

    @property
    def members(self) -> list[NDArray[np.intp]]:
        """Indices of the scans of each domain."""
        domains = np.array(self.domains)
        return [np.flatnonzero(domains == name) for name in self.domain_names]


@dataclass(frozen=True)
class ScoreArrays:
    """Scores of some cases on the axes of the study.

    Args:
        axes: what the axes stand for.
        metrics: by name, each of shape ``(V, L + 1, S, K)``: variant, label and last
            their mean, scan, seed. NaN: no such case, or nothing to score.
        failed: the same shape; what a clinician would call a failure.
        seen: the same shape; the case exists, scored or not.
    """

    axes: Axes
    metrics: Mapping[str, Array]
    failed: NDArray[np.bool_]
    seen: NDArray[np.bool_]

    @property
    def dice(self) -> Array:
        """Scores by the metric that variants are compared by."""
        return self.metrics[PRIMARY_METRIC]


def find_axes(cases: Sequence[CaseRow]) -> Axes:
    """The axes on which all scores of a study lie."""
    scans = sorted({case.score.scan: case for case in cases}.items())
    return Axes(
        variants=tuple(sorted({case.score.variant for case in cases})),
        labels=tuple(sorted({case.score.label for case in cases})),
        scans=tuple(scan for scan, _ in scans),
        seeds=tuple(sorted({case.score.seed for case in cases})),
        subjects=tuple(case.subject for _, case in scans),
        domains=tuple(case.domain for _, case in scans),
        domain_names=tuple(sorted({case.domain for _, case in scans})),
    )


def gather_scores(cases: Sequence[CaseRow], axes: Axes) -> ScoreArrays:
    """Put cases on the axes of the study.

    Args:
        cases: cases of one design (and one training set, where they overlap).
        axes: as from `find_axes` of all cases.
    """
    shape = tuple(map(len, (axes.variants, axes.labels, axes.scans, axes.seeds)))
    place = (
        _positions((case.score.variant for case in cases), axes.variants),
        _positions((case.score.label for case in cases), axes.labels),
        _positions((case.score.scan for case in cases), axes.scans),
        _positions((case.score.seed for case in cases), axes.seeds),
    )
    seen, failed = np.zeros((2, *shape), dtype=np.bool_)
    seen[place] = True
    failed[place] = [case.failed for case in cases]
    metrics = {}
    for name in METRICS:
        values = np.full(shape, np.nan)
        scored = (case.score.metrics[name] for case in cases)
        values[place] = [np.nan if score is None else score for score in scored]
        metrics[name] = np.concatenate([values, _mean_known(values)], axis=1)
    return ScoreArrays(
        axes=axes,
        metrics=metrics,
        failed=np.concatenate([failed, failed.any(axis=1, keepdims=True)], axis=1),
        seen=np.concatenate([seen, seen.any(axis=1, keepdims=True)], axis=1),
    )


def replicate_study(axes: Axes, resamples: int, seed: int) -> Replicates:
    """Draw the replicates of a study: one set for all its variants.

    Args:
        axes: scans and seeds of all its cases.
        resamples: number of bootstrap resamples.
        seed: seed of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    return draw_replicates(axes.subjects, axes.domains, len(axes.seeds), resamples, rng)


def _positions(values: Iterable[object], axis: Sequence[object]) -> NDArray[np.intp]:
    """Where each value is on an axis."""
    place = {value: position for position, value in enumerate(axis)}
    return np.array([place[value] for value in values], dtype=np.intp)


def _mean_known(values: Array) -> Array:
    """Mean over labels (the second axis) of what was scored; NaN where nothing was."""
    known = np.isfinite(values)
    count = known.sum(axis=1, keepdims=True)
    total = np.where(known, values, 0.0).sum(axis=1, keepdims=True)
    means: Array = total / np.where(count > 0, count, np.nan)
    return means
