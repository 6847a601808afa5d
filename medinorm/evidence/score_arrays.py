"""Scores as arrays on the axes that all arrays of a study share.

What is averaged, and what is not:

- The mean over labels is by class first: on each domain the mean over scans and seeds
  of each label, then over labels. A label that occurs in few scans counts as much as
  one that occurs in all.
- A prediction without a structure that is not there is right. It has no Dice, enters
  no mean, and is counted (`empty`). Dice 1 would let a label that hardly ever occurs
  look well segmented.
- A structure that is not there is a false positive: Dice 0, in the means.
- Pairs: see `medinorm.evidence.study_scores.pair_scores`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medinorm.columns.cases import Cases
from medinorm.columns.words import Codes
from medinorm.evidence.bootstrap import Array, Replicates, draw_replicates
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

    @cached_property
    def members(self) -> list[NDArray[np.intp]]:
        """Indices of the scans of each domain."""
        domains = np.array(self.domains)
        return [np.flatnonzero(domains == name) for name in self.domain_names]


@dataclass(frozen=True)
class ScoreArrays:
    """Scores of some cases on the axes of the study.

    Args:
        axes: what the axes stand for.
        metrics: by name, each of shape ``(V, L + 1, S, K)``: variant, label, scan,
            seed; made when used. NaN: no such case, or nothing to score. Behind the
            labels lies what each scan contributes to their mean, see
            `mean_over_labels`: the score of the scan only where each of its domain has
            all labels.
        failed: the same shape; what a clinician would call a failure.
        seen: the same shape; the case exists, scored or not.
        rejected: shape ``(V, L, S, K)``; neither reference nor prediction has the
            label, which is right. ``None``: there is no such case.
        occurs: shape ``(V, L + 1, S, K)``; the reference has the label, or any.
            ``None``: not known.
    """

    axes: Axes
    metrics: Mapping[str, Array]
    failed: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    rejected: NDArray[np.bool_] | None = None
    occurs: NDArray[np.bool_] | None = None

    @property
    def dice(self) -> Array:
        """Scores by the metric that variants are compared by."""
        return self.metrics[PRIMARY_METRIC]


def find_axes(cases: Cases) -> Axes:
    """The axes on which all scores of a study lie."""
    scores = cases.scores
    scans = scores.scan.present
    places = scores.scan.places(scans)
    case_of = np.zeros(len(scans), dtype=np.intp)
    case_of[places] = np.arange(len(cases))
    return Axes(
        variants=tuple(scores.variant.present),
        labels=tuple(scores.label.present),
        scans=tuple(scans),
        seeds=tuple(scores.seed.present),
        subjects=tuple(cases.subject[case_of].tolist()),
        domains=tuple(cases.domain[case_of].tolist()),
        domain_names=tuple(cases.domain.present),
    )


def find_axes_of_scans(cases: Cases, axes: Axes) -> Axes:
    """The axes of a study with only those scans that some cases are of.

    Networks that leave a domain out are tested on that domain alone: arrays of all
    scans would be mostly empty.

    Args:
        cases: some cases of the study.
        axes: as from `find_axes` of all cases.
    """
    tested = set(cases.scores.scan.present)
    places = [place for place, scan in enumerate(axes.scans) if scan in tested]
    return replace(
        axes,
        scans=tuple(axes.scans[place] for place in places),
        subjects=tuple(axes.subjects[place] for place in places),
        domains=tuple(axes.domains[place] for place in places),
    )


def gather_scores(cases: Cases, axes: Axes) -> ScoreArrays:
    """Put cases on the axes of the study.

    Args:
        cases: cases of one design (and one training set, where they overlap).
        axes: as from `find_axes` of all cases.
    """
    scores, arrangement = cases.scores, Arrangement.of(cases, axes)
    place, shape = arrangement.place, arrangement.shape
    seen, failed, rejected, occurs = np.zeros((4, math.prod(shape)), dtype=np.bool_)
    seen[place] = True
    rejected[place] = scores.state.equals("empty")
    occurs[place] = np.nan_to_num(scores.numbers["voxels_label"]) > 0
    failed[place] = cases.failed
    return ScoreArrays(
        axes=axes,
        metrics=_MetricArrays(scores.numbers, arrangement),
        failed=_with_any(failed.reshape(shape)),
        seen=_with_any(seen.reshape(shape)),
        rejected=rejected.reshape(shape),
        occurs=_with_any(occurs.reshape(shape)),
    )


@dataclass(frozen=True)
class Arrangement:
    """Where cases are on the axes of a study.

    Args:
        axes: the axes.
        place: where each case is in a flat array of `shape`, ``(n,)``.
    """

    axes: Axes
    place: Codes

    @classmethod
    def of(cls, cases: Cases, axes: Axes) -> "Arrangement":
        """Where these cases are; all that occurs in them must be on the axes."""
        scores = cases.scores
        places = (
            scores.variant.places(axes.variants),
            scores.label.places(axes.labels),
            scores.scan.places(axes.scans),
            scores.seed.places(axes.seeds),
        )
        shape = _shape_of(axes)
        # The smallest type that holds them: there are millions, kept for long.
        fits = np.min_scalar_type(max(math.prod(shape) - 1, 0))
        return cls(axes, np.ravel_multi_index(places, shape).astype(fits))

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of variants, labels, scans and seeds."""
        return _shape_of(self.axes)

    def arrange(self, numbers: Array) -> Array:
        """Numbers of the cases on the axes, and behind the labels their mean.

        Args:
            numbers: one for each case; NaN is absent.

        Returns:
            Shape ``(V, L + 1, S, K)``, as in `ScoreArrays`.
        """
        variants, labels, *rest = self.shape
        by_label = np.full(self.shape, np.nan)
        by_label.reshape(-1)[self.place] = numbers
        values = np.empty((variants, labels + 1, *rest))
        values[:, :-1] = by_label
        values[:, -1] = mean_over_labels(by_label, self.axes.members)
        return values


class _MetricArrays(Mapping[str, Array]):
    """The metrics of `ScoreArrays`, each made when it is used: all take gigabytes.

    Args:
        numbers: columns of the cases.
        arrangement: where each case is.
    """

    def __init__(self, numbers: Mapping[str, Array], arrangement: Arrangement) -> None:
        self._numbers, self._arrangement = numbers, arrangement
        self._primary: Array | None = None

    def __getitem__(self, name: str) -> Array:
        if name != PRIMARY_METRIC:
            return self._arrangement.arrange(self._numbers[name])
        if self._primary is None:
            self._primary = self._arrangement.arrange(self._numbers[name])
        return self._primary

    def __iter__(self) -> Iterator[str]:
        return iter(METRICS)

    def __len__(self) -> int:
        return len(METRICS)


def _shape_of(axes: Axes) -> tuple[int, ...]:
    """Numbers of variants, labels, scans and seeds."""
    return tuple(map(len, (axes.variants, axes.labels, axes.scans, axes.seeds)))


def mean_over_labels(values: Array, members: Sequence[NDArray[np.intp]]) -> Array:
    r"""What each scan and seed contributes to the mean over labels of its domain.

    The mean is by class first. With the mean :math:`m_l` of each of the L labels over
    its :math:`n_l` scores on a domain, it is the mean m of all :math:`m_l`. The
    contributions

    .. math:: y = m + \sum_l \frac{n}{L\, n_l} (x_l - m_l)

    over the labels that a scan has, of n scans and seeds with any, have this mean, and
    vary as it does (its influence function). Where each scan of a domain has all
    labels, they are the plain means of each scan. Elsewhere they may leave the range
    of scores.

    Args:
        values: scores, shape ``(..., L, S, K)``; NaN where there is none.
        members: indices of the scans of each domain.

    Returns:
        Shape ``(..., S, K)``; NaN where no label was scored.
    """
    means = np.full((*values.shape[:-3], *values.shape[-2:]), np.nan)
    for scans in members:
        means[..., scans, :] = _contributions(values[..., scans, :])
    return means


def replicate_study(axes: Axes, resamples: int, seed: int) -> Replicates:
    """Draw the replicates of a study: one set for all its variants.

    Args:
        axes: scans and seeds of all its cases.
        resamples: number of bootstrap resamples.
        seed: seed of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    return draw_replicates(axes.subjects, axes.domains, len(axes.seeds), resamples, rng)


def _with_any(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Masks of labels (the second axis), and behind them whether any is set."""
    return np.concatenate([masks, masks.any(axis=1, keepdims=True)], axis=1)


def _contributions(values: Array) -> Array:
    """As `mean_over_labels`, of the scans of one domain."""
    known = np.isfinite(values)
    if not known.any():
        return np.full((*values.shape[:-3], *values.shape[-2:]), np.nan)
    if known.all():
        return np.asarray(values.mean(axis=-3))
    scored = known.any(axis=-3)
    count = known.sum(axis=(-2, -1), keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        label_means = np.where(known, values, 0.0).sum((-2, -1), keepdims=True) / count
        labels = (count > 0).sum(axis=-3, keepdims=True)
        share = scored.sum(axis=(-2, -1))[..., np.newaxis, np.newaxis, np.newaxis]
        weight = share / (labels * count)
        mean = np.where(count > 0, label_means, 0.0).sum(axis=-3) / labels[..., 0, :, :]
    parts = np.where(known, (values - label_means) * weight, 0.0)
    return np.where(scored, mean + parts.sum(axis=-3), np.nan)
