"""Which variants differ, and which is best, as far as the study can show."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.multitest import multipletests

from medinorm.evidence.bootstrap import Array, known
from medinorm.evidence.study_scores import StudyScores, over_domains, pair_scores
from medinorm.records.evidence import DifferenceRow, DifferenceVerdict, RankingRow
from medinorm.variant import Variant

MIN_SEEDS = 3

# Above this number only pairs that differ in one respect are compared (and all pairs
# with the best variant): each further comparison weakens the others.
_ALL_PAIRS = 66


def tabulate_differences(study: StudyScores) -> list[DifferenceRow]:
    """Paired out-of-domain differences with Holm's correction and a verdict.

    The comparisons with the best variant answer the study's question and are corrected
    among themselves; the others are corrected apart from them.
    """
    pairs = _choose_pairs(study)
    if not pairs:
        return []
    first, second = (list(side) for side in zip(*pairs, strict=True))
    one, other = pair_scores(study.lodo, study.lodo, first, second)
    means = study.means(one) - study.means(other)
    differences = study.estimate(over_domains(means[:, study.held_out]))
    best = _find_best(study)
    corrected = _correct(differences.p, np.array([best in pair for pair in pairs]))
    limits = study.settings.equivalence, 1 - study.settings.confidence
    rows = []
    for index, (a, b) in enumerate(pairs):
        ends = float(differences.low[index]), float(differences.high[index])
        seen = np.isfinite(one[index])
        rows.append(
            DifferenceRow(
                study.axes.variants[a],
                study.axes.variants[b],
                *differences.interval((index,)),
                se=known(differences.se[index]),
                df=known(differences.df[index]),
                p=known(differences.p[index]),
                p_holm=known(corrected[index]),
                detectable=known(differences.detectable[index]),
                verdict=judge(ends, corrected[index], *limits),
                scans=int(seen.any(axis=1).sum()),
                seeds=int(seen.any(axis=0).sum()),
            )
        )
    return rows


def judge(
    interval: tuple[float, float], p: float, equivalence: float, level: float
) -> DifferenceVerdict:
    """What a difference means in practice.

    ``better`` and ``worse`` need the whole interval beyond the region of practical
    equivalence and a corrected probability of at most `level`; ``equivalent`` needs the
    whole interval inside the region. Everything else is ``undecided``.

    Args:
        interval: of the difference.
        p: corrected probability of the difference.
        equivalence: half-width of the region of practical equivalence.
        level: largest probability that counts as a difference.

    Examples:
        >>> judge((0.02, 0.05), 0.001, 0.01, 0.05)
        'better'
        >>> judge((0.005, 0.05), 0.001, 0.01, 0.05)
        'undecided'
        >>> judge((-0.004, 0.008), 0.6, 0.01, 0.05)
        'equivalent'
    """
    low, high = interval
    if p <= level and low > equivalence:
        return "better"
    if p <= level and high < -equivalence:
        return "worse"
    if -equivalence <= low and high <= equivalence:
        return "equivalent"
    return "undecided"


def tabulate_ranking(study: StudyScores) -> list[RankingRow]:
    """Variants by out-of-domain Dice, with how sure their ranks are.

    A variant that lacks scans, or has fewer than three complete seeds, has no rank. The
    probability of being best is the share of resamples in which a variant comes first.
    It holds for other seeds and subjects, on the domains of the study.
    """
    means = _out_of_domain(study)
    places = np.flatnonzero(_rankable(study, means))
    means_of_ranked = study.estimate(means[places])
    resampled = means[places, 1 : 1 + study.replicates.resamples]
    # Where subjects travel, a resample may lack all subjects of a domain.
    resampled = resampled[:, np.isfinite(resampled).all(axis=0)]
    first = resampled == resampled.max(axis=0, initial=-np.inf)
    chance = first / np.maximum(first.sum(axis=0), 1)
    ranks = 1 + (resampled[np.newaxis] > resampled[:, np.newaxis]).sum(axis=1)
    tails = (1 - study.settings.confidence) / 2
    order = np.argsort(-means_of_ranked.value, kind="stable")
    rows = []
    for rank, index in enumerate(order, start=1):
        interval = means_of_ranked.interval((index,), share=True)
        row = RankingRow(
            rank,
            study.axes.variants[places[index]],
            float(means_of_ranked.value[index]),
            interval.low,
            interval.high,
            *_rank_range(chance[index], ranks[index], tails),
        )
        rows.append(row)
    return rows


def _rank_range(
    chance: Array, ranks: NDArray[np.int64], tail: float
) -> tuple[float | None, int | None, int | None]:
    """How sure a rank is: nothing is known if no resample has all domains.

    Args:
        chance: share in the first place in each resample.
        ranks: rank in each resample.
        tail: probability of ranks beyond either end of the interval.

    Returns:
        Probability of being best, lowest and highest rank.
    """
    if not ranks.size:
        return None, None, None
    return (
        float(chance.mean()),
        int(np.quantile(ranks, tail, method="lower")),
        int(np.quantile(ranks, 1 - tail, method="higher")),
    )


def _choose_pairs(study: StudyScores) -> list[tuple[int, int]]:
    """Positions of the variants to compare."""
    variants = study.axes.variants
    pairs = list(combinations(range(len(variants)), 2))
    if not study.held_out or len(pairs) <= _ALL_PAIRS:
        return pairs if study.held_out else []
    best = _find_best(study)
    return [
        (a, b)
        for a, b in pairs
        if best in {a, b} or _differ_in_one(variants[a], variants[b])
    ]


def _find_best(study: StudyScores) -> int:
    """Position of the variant with the highest out-of-domain Dice."""
    means = _out_of_domain(study)
    return int(np.argmax(np.where(_rankable(study, means), means[:, 0], -np.inf)))


def _out_of_domain(study: StudyScores) -> Array:
    """Out-of-domain Dice of each variant in each replicate, shape ``(V, R)``."""
    means = study.means(study.lodo.dice[:, -1])
    return over_domains(means[:, study.held_out])


def _rankable(study: StudyScores, means: Array) -> NDArray[np.bool_]:
    """Which variants have all scans, for enough seeds."""
    return np.isfinite(means[:, 0]) & (study.complete_seeds() >= MIN_SEEDS)


def _differ_in_one(one: Variant, other: Variant) -> bool:
    """Whether two variants differ in one respect; an adaptation belongs to its norm."""
    respects = (
        one.intensity != other.intensity,
        (one.norm, one.adapt) != (other.norm, other.adapt),
        one.augmentation != other.augmentation,
    )
    return sum(respects) == 1


def _correct(p: Array, with_best: NDArray[np.bool_]) -> Array:
    """Holm's correction of those probabilities that are known, family by family."""
    corrected = np.full(p.shape, np.nan)
    for family in (with_best, ~with_best):
        known = np.isfinite(p) & family
        if known.any():
            corrected[known] = multipletests(p[known], method="holm")[1]
    return corrected
