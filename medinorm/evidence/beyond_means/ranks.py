r"""Ranks by several metrics and rules: do they agree, and how stable are they?

Three rules put the ranked variants in order, each for Dice, NSD and HD95:

- ``mean_then_rank``: by the mean over domains. The rule of the verdict.
- ``rank_then_mean``: variants are ranked on each scan, label and seed, and the mean of
  these ranks over scans and seeds, labels and domains is ranked. FeTS, BraTS rank so.
- ``test_based``: by the number of other variants that a variant is better than by a
  one-sided Wilcoxon signed-rank test on the scans (means over seeds and labels) at 5 %.
  Holm's correction is over all comparisons of the metric. challengeR ranks so.

Equal variants share the smallest rank. Resamples of seeds and subjects (on the domains
of the study) give the distribution of the ranks of the first two rules.

Kendall's :math:`\tau_b` says how well two orders of the variants agree: 1 is the same
order, 0 none in common, -1 the reverse.

References:
    Bakas et al., "Identifying the best machine learning algorithms for brain tumor
    segmentation, progression assessment, and overall survival prediction in the BRATS
    challenge", 2018, arXiv:1811.02629 (rank then mean).
    Wiesenfarth et al., "Methods and open-source toolkit for analyzing and visualizing
    challenge results", Scientific Reports 2021, doi:10.1038/s41598-021-82017-6.
    Kendall, "The treatment of ties in ranking problems", Biometrika 1945,
    doi:10.1093/biomet/33.3.239.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from medinorm.evidence.bootstrap import Array, known
from medinorm.evidence.study_scores import StudyScores, over_domains
from medinorm.records.beyond_means import (
    RankAgreementRow,
    RankingRule,
    RankProbabilityRow,
    RankRow,
)
from medinorm.records.metrics import METRICS
from medinorm.variant import Variant

RANKED_METRICS = tuple(name for name in ("dice", "nsd", "hd95") if name in METRICS)
_SIGNIFICANT = 0.05

Ranks = NDArray[np.int64]


@dataclass(frozen=True)
class RankedOrder:
    """The variants in order by one metric and one rule.

    Args:
        metric: what is compared.
        rule: how it becomes an order.
        value: what is ranked, ``(V,)``.
        ranks: of the study, ``(V,)``.
        resampled: of the resamples that have all domains, ``(V, B)``; B is 0 where the
            rule is not resampled.
    """

    metric: str
    rule: RankingRule
    value: Array
    ranks: Ranks
    resampled: Ranks


def find_orders(study: StudyScores, ranked: Sequence[Variant]) -> list[RankedOrder]:
    """The orders of the ranked variants by each metric and rule.

    Args:
        study: the scores.
        ranked: the variants that have a rank; fewer than two have no order.
    """
    if len(ranked) < 2:
        return []
    places = [study.axes.variants.index(variant) for variant in ranked]
    orders = []
    for metric in RANKED_METRICS:
        sign = 1 if METRICS[metric].better == "higher" else -1
        scores = sign * study.lodo.metrics[metric][places]
        orders += [
            _order_by_means(study, metric, scores[:, -1], sign),
            _order_by_ranks(study, metric, scores[:, :-1]),
            _order_by_tests(metric, scores[:, :-1]),
        ]
    return [order for order in orders if np.isfinite(order.value).all()]


def tabulate_ranks(
    orders: Sequence[RankedOrder], ranked: Sequence[Variant], confidence: float
) -> Iterator[RankRow]:
    """One row for each metric, rule and variant.

    Args:
        orders: from `find_orders`.
        ranked: the variants, as given to `find_orders`.
        confidence: level of the intervals of ranks.
    """
    tail = (1 - confidence) / 2
    for order in orders:
        for place, variant in enumerate(ranked):
            resampled = order.resampled[place]
            ends: tuple[int | None, int | None] = None, None
            if resampled.size:
                ends = (
                    int(np.quantile(resampled, tail, method="lower")),
                    int(np.quantile(resampled, 1 - tail, method="higher")),
                )
            yield RankRow(
                variant,
                order.metric,
                order.rule,
                int(order.ranks[place]),
                float(order.value[place]),
                *ends,
                float((resampled == 1).mean()) if resampled.size else None,
            )


def tabulate_rank_probabilities(
    orders: Sequence[RankedOrder], ranked: Sequence[Variant]
) -> Iterator[RankProbabilityRow]:
    """One row for each metric, rule, variant and rank; none of rules not resampled.

    Args:
        orders: from `find_orders`.
        ranked: the variants, as given to `find_orders`.
    """
    for order in orders:
        if order.resampled.size:
            for place, variant in enumerate(ranked):
                for rank in range(1, len(ranked) + 1):
                    share = float((order.resampled[place] == rank).mean())
                    yield RankProbabilityRow(
                        variant, order.metric, order.rule, rank, share
                    )


def tabulate_rank_agreement(
    orders: Sequence[RankedOrder], confidence: float
) -> Iterator[RankAgreementRow]:
    """How stable each order is over resamples, and how well each two agree.

    Args:
        orders: from `find_orders`.
        confidence: level of the intervals over resamples.
    """
    tail = (1 - confidence) / 2
    for order in orders:
        if order.resampled.size:
            taus = measure_agreement(order.ranks[:, np.newaxis], order.resampled)
            taus = taus[np.isfinite(taus)]
            ends = np.quantile(taus, [tail, 1 - tail]) if len(taus) else [np.nan] * 2
            yield RankAgreementRow(
                *(order.metric, order.rule, order.metric, order.rule),
                known(float(taus.mean()) if len(taus) else np.nan),
                *map(known, ends),
            )
    for one, other in combinations(orders, 2):
        tau = float(measure_agreement(one.ranks, other.ranks))
        yield RankAgreementRow(
            *(one.metric, one.rule, other.metric, other.rule), known(tau), None, None
        )


def measure_agreement(one: Ranks, other: Ranks) -> Array:
    """Kendall's tau-b of two orders of the same variants.

    Args:
        one: ranks, shape ``(V,)`` or ``(V, B)``.
        other: ranks of a shape that goes with it.

    Returns:
        Shape ``()`` or ``(B,)``; NaN where all variants of one order are equal.

    Examples:
        >>> float(measure_agreement(np.array([1, 2, 3]), np.array([1, 3, 2])))
        0.3333333333333333
    """
    first, second = np.triu_indices(len(one), 1)
    signs = [np.sign(ranks[first] - ranks[second]) for ranks in (one, other)]
    untied = [np.abs(sign).sum(axis=0) for sign in signs]
    with np.errstate(divide="ignore", invalid="ignore"):
        agreed = (signs[0] * signs[1]).sum(axis=0)
        return np.asarray(agreed / np.sqrt(untied[0] * untied[1]))


def rank_highest_first(values: Array) -> Ranks:
    """Ranks along the first axis, the highest value first; equal ones share the least.

    Examples:
        >>> rank_highest_first(np.array([0.5, 0.9, 0.5])).tolist()
        [2, 1, 2]
    """
    higher = values[np.newaxis] > values[:, np.newaxis]
    return np.asarray(1 + higher.sum(axis=1))


def rank_cases(scores: Array) -> Array:
    """Ranks along the first axis, the highest score first; equal ones share the mean.

    As `scipy.stats.rankdata` of the negative scores, which sorts: with eight variants
    that takes four times as long.
    """
    ranks = np.ones(scores.shape)
    for one, other in combinations(range(len(scores)), 2):
        higher = scores[one] > scores[other]
        equal = scores[one] == scores[other]
        ranks[other] += higher
        ranks[one] += ~(higher | equal)
        shared = 0.5 * equal
        ranks[one] += shared
        ranks[other] += shared
    return ranks


def reject_by_holm(p: Array, level: float) -> NDArray[np.bool_]:
    """Which of several tests are significant, at a level for all of them together.

    `statsmodels` does the same, and collects garbage each time: 0.2 s.

    Examples:
        >>> reject_by_holm(np.array([0.03, 0.01, 0.04]), 0.05).tolist()
        [False, True, False]
    """
    order = np.argsort(p)
    passed = p[order] <= level / np.arange(len(p), 0, -1)
    rejected = np.zeros(len(p), dtype=np.bool_)
    rejected[order] = np.logical_and.accumulate(passed)
    return rejected


def _order_by_means(
    study: StudyScores, metric: str, scores: Array, sign: int
) -> RankedOrder:
    """Mean over domains, then rank; `scores` are higher where better."""
    means = over_domains(study.resample(scores, study.held_out))
    resampled = _rank_resamples(study, means)
    ranks = rank_highest_first(means[:, 0])
    return RankedOrder(metric, "mean_then_rank", sign * means[:, 0], ranks, resampled)


def _order_by_ranks(study: StudyScores, metric: str, scores: Array) -> RankedOrder:
    """Rank on each scan, label and seed, then mean; `scores` are ``(V, L, S, K)``."""
    complete = np.isfinite(scores).all(axis=0)
    by_case = np.where(complete, rank_cases(scores), np.nan)
    by_label = study.resample(by_case, study.held_out)
    occurs = np.isfinite(by_label)
    total = np.where(occurs, by_label, 0.0).sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean_ranks = over_domains(total / occurs.sum(axis=1))
    resampled = _rank_resamples(study, -mean_ranks)
    ranks = rank_highest_first(-mean_ranks[:, 0])
    return RankedOrder(metric, "rank_then_mean", mean_ranks[:, 0], ranks, resampled)


def _order_by_tests(metric: str, scores: Array) -> RankedOrder:
    """Rank by significant one-sided comparisons won; `scores` are ``(V, L, S, K)``."""
    complete = np.isfinite(scores).all(axis=0)  # labels and seeds that all have
    count = complete.sum(axis=(0, 2))
    total = np.where(complete, scores, 0.0).sum(axis=(1, 3))
    by_scan = total[:, count > 0] / count[count > 0]
    pairs = list(permutations(range(len(by_scan)), 2))
    p = [_test_better(by_scan[one] - by_scan[other]) for one, other in pairs]
    won = reject_by_holm(np.array(p), _SIGNIFICANT)
    wins = np.zeros(len(by_scan))
    for (one, _), better in zip(pairs, won, strict=True):
        wins[one] += better
    nothing = np.empty((len(by_scan), 0), dtype=np.int64)
    return RankedOrder(metric, "test_based", wins, rank_highest_first(wins), nothing)


def _test_better(differences: Array) -> float:
    """One-sided probability of such differences if the median were 0."""
    if not differences.any():
        return 1.0
    return float(stats.wilcoxon(differences, alternative="greater").pvalue)


def _rank_resamples(study: StudyScores, replicated: Array) -> Ranks:
    """Ranks in those resamples that have all domains, ``(V, B)``."""
    resampled = replicated[:, 1 : 1 + study.replicates.resamples]
    return rank_highest_first(resampled[:, np.isfinite(resampled).all(axis=0)])
