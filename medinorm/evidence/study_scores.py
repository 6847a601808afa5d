"""The scores of a study on shared axes, and the replicates of the study.

Means are taken over the scans and seeds of a domain for each label, then over labels,
then over domains, each with equal weight. Every table is computed on the same
replicates of the study: all comparisons are made on the same scans, subjects and seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medinorm.columns.cases import Cases
from medinorm.config import EvidenceConfig
from medinorm.config.score import FAILURE_DICE
from medinorm.domain_noun import DomainNoun
from medinorm.evidence.bootstrap import (
    Array,
    Estimate,
    Replicates,
    domain_means,
    estimate,
    observed_means,
    resampled_means,
)
from medinorm.evidence.cases import select_design
from medinorm.evidence.score_arrays import (
    Axes,
    ScoreArrays,
    find_axes,
    gather_scores,
    mean_over_labels,
    replicate_study,
)
from medinorm.records.metrics import METRICS, PRIMARY_METRIC


@dataclass(frozen=True)
class StudyScores:
    """All that the tables are computed from.

    Args:
        cases: all cases.
        axes: their axes.
        replicates: the replicates, shared by all variants and tables.
        pooled: cases of the pooled networks, on domains they saw: of the size-matched
            ones, if these were run.
        size_matched: whether they are.
        lodo: cases of the leave-one-domain-out networks, on the domain they left out.
        external: cases of the pooled networks, on domains that only test.
        settings: confidence, equivalence.
        noun: what a domain is called.
        failure: a prediction with a Dice below it has failed.
    """

    cases: Cases
    axes: Axes
    replicates: Replicates
    pooled: ScoreArrays
    size_matched: bool
    lodo: ScoreArrays
    external: ScoreArrays
    settings: EvidenceConfig
    noun: DomainNoun
    failure: float = FAILURE_DICE

    @classmethod
    def of(
        cls,
        cases: Cases,
        settings: EvidenceConfig,
        noun: DomainNoun,
        failure: float = FAILURE_DICE,
    ) -> "StudyScores":
        """The study that these cases make."""
        axes = find_axes(cases)
        matched = select_design(cases, "size_matched", in_domain=True)
        pooled = (
            matched if len(matched) else select_design(cases, "pooled", in_domain=True)
        )
        lodo = select_design(cases, "lodo", in_domain=False)
        external = select_design(cases, "pooled", in_domain=False)
        return cls(
            cases=cases,
            axes=axes,
            replicates=replicate_study(axes, settings.resamples, settings.seed),
            pooled=gather_scores(pooled, axes),
            size_matched=len(matched) > 0,
            lodo=gather_scores(lodo, axes),
            external=gather_scores(external, axes),
            settings=settings,
            noun=noun,
            failure=failure,
        )

    @cached_property
    def held_out(self) -> list[int]:
        """Positions of the domains that some network left out and was tested on."""
        return present_domains(self.lodo)

    def means(self, values: Array, places: Sequence[int] | None = None) -> Array:
        """Domain means in each replicate, ``(..., S, K)`` to ``(..., D, R)``.

        Args:
            values: scores.
            places: positions of the domains; all of the study without them.
        """
        return domain_means(values, self.replicates, self._members(places))

    def observe(self, values: Array, places: Sequence[int]) -> Array:
        """Domain means in the study itself, ``(..., S, K)`` to ``(..., D)``."""
        return observed_means(values, self._members(places))

    def resample(self, values: Array, places: Sequence[int]) -> Array:
        """As `means`, in the study and the resamples, ``(..., D, 1 + B)``."""
        return resampled_means(values, self.replicates, self._members(places))

    def estimate(self, replicated: Array) -> Estimate:
        """Value, interval and test of what was computed in each replicate."""
        return estimate(replicated, self.replicates, self.settings.confidence)

    def _members(self, places: Sequence[int] | None) -> list[NDArray[np.intp]]:
        """Scans of some domains."""
        members = self.axes.members
        return members if places is None else [members[place] for place in places]

    def complete_seeds(self) -> NDArray[np.int64]:
        """For each variant, how many seeds were tested on every out-of-domain scan."""
        seen = self.lodo.seen[:, -1]
        tested: NDArray[np.bool_] = np.any(seen, axis=(0, 2))
        complete: NDArray[np.int64] = seen[:, tested].all(axis=1).sum(axis=1)
        return complete if tested.any() else np.zeros_like(complete)


def present_domains(scores: ScoreArrays) -> list[int]:
    """Positions of the domains on which any variant has a score."""
    scored = np.isfinite(scores.dice)
    return [
        place
        for place, scans in enumerate(scores.axes.members)
        if scored[:, :, scans].any()
    ]


def over_domains(means: Array) -> Array:
    """Mean over domains, ``(..., D, R)`` to ``(..., R)``; NaN if one is missing."""
    if means.shape[-2] == 0:
        return np.full((*means.shape[:-2], means.shape[-1]), np.nan)
    return np.asarray(means.mean(axis=-2))


def common_scans(one: Array, other: Array) -> tuple[Array, Array]:
    """Two arrays ``(..., S, K)`` with only those scans that both have scores of."""
    scored = [np.isfinite(x).any(axis=-1, keepdims=True) for x in (one, other)]
    both = scored[0] & scored[1]
    return np.where(both, one, np.nan), np.where(both, other, np.nan)


def pair_scores(
    one: ScoreArrays,
    other: ScoreArrays,
    first: Sequence[int],
    second: Sequence[int],
) -> tuple[Array, Array]:
    """Dice of pairs of variants on the same labels of the same scans.

    Where neither reference nor prediction has a label, the prediction is right and has
    no Dice. In a pair it counts as Dice 1 if the other predicted a structure that is
    not there (Dice 0): otherwise the scan would fall out of the pair, and who was
    wrong would lose nothing. Where both are right, the scan says nothing about their
    difference and is left out.

    Args:
        one: scores of the first variant of each pair.
        other: scores of the second, on the same axes.
        first: positions of the first variants.
        second: positions of the second, as many.

    Returns:
        Both of shape ``(pairs, S, K)``, for each label's mean first; see
        `mean_over_labels`.
    """
    sides: list[list[Array]] = [[], []]
    for a, b in zip(first, second, strict=True):
        x, y = one.dice[a, :-1], other.dice[b, :-1]
        both = common_scans(_fill_right(one, a, x, y), _fill_right(other, b, y, x))
        for side, values in zip(sides, both, strict=True):
            side.append(mean_over_labels(values, one.axes.members))
    return np.stack(sides[0]), np.stack(sides[1])


def _fill_right(scores: ScoreArrays, variant: int, own: Array, others: Array) -> Array:
    """Dice 1 for what is rightly not there, where the other has a score."""
    if scores.rejected is None:
        return own
    right = scores.rejected[variant] & np.isfinite(others)
    return np.where(right, METRICS[PRIMARY_METRIC].best_score, own)


class Counts(NamedTuple):
    """How many cases there are, as `DomainRow` counts them."""

    scans: int
    seeds: int
    failures: int
    empty: int


def count_occurrences(
    scores: ScoreArrays, index: tuple[int, ...], scans: NDArray[np.intp]
) -> int | None:
    """In how many scans the reference has a label; arguments as of `count_cases`."""
    if scores.occurs is None:
        return None
    return int(scores.occurs[index][scans].any(axis=1).sum())


def count_cases(
    scores: ScoreArrays, index: tuple[int, ...], scans: NDArray[np.intp]
) -> Counts:
    """Counts of one variant and label on some scans.

    Args:
        scores: all scores of the design.
        index: positions of variant and label.
        scans: positions of the scans.
    """
    seen = scores.seen[index][scans]
    return Counts(
        scans=int(seen.any(axis=1).sum()),
        seeds=int(seen.any(axis=0).sum()),
        failures=int(scores.failed[index][scans].sum()),
        empty=int((seen & np.isnan(scores.dice[index][scans])).sum()),
    )
