"""Which variants differ, and which is best, as far as the study can show."""

from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medinorm.evidence.bootstrap import Array, Estimate, Interval, known
from medinorm.evidence.inference.further import LikeThese, infer_further
from medinorm.evidence.inference.margins import (
    correct_by_holm,
    measure_beyond,
    measure_equivalence,
)
from medinorm.evidence.inference.power import (
    Target,
    find_detectable,
    plan_domains,
    plan_seeds,
    plan_subjects,
    take_components,
)
from medinorm.evidence.inference.winner import combine_intervals, score_by_choice
from medinorm.evidence.study_scores import StudyScores, over_domains, pair_scores
from medinorm.records.evidence import DifferenceRow, DifferenceVerdict, RankingRow
from medinorm.variant import Variant

MIN_SEEDS = 3

# Above this number only pairs that differ in one respect are compared (and all pairs
# with the best variant): each further comparison weakens the others.
_ALL_PAIRS = 66


def tabulate_differences(study: StudyScores) -> list[DifferenceRow]:
    """Paired out-of-domain differences, here and on domains like these.

    All pairs are one family: the best variant is chosen on the same data, so that the
    comparisons with it are no smaller family than all of them.
    """
    pairs = _choose_pairs(study)
    if not pairs:
        return []
    first, second = (list(side) for side in zip(*pairs, strict=True))
    one, other = pair_scores(study.lodo, study.lodo, first, second)
    sides = [study.means(side)[:, study.held_out] for side in (one, other)]
    means = sides[0] - sides[1]
    higher = np.max([over_domains(side)[:, 0] for side in sides], axis=0)
    here = study.estimate(over_domains(means))
    by_domain = study.estimate(means)
    further = infer_further(here, by_domain, study.settings.confidence)
    tested = _test(study, here, further, higher)
    rows = []
    for index, (a, b) in enumerate(pairs):
        seen = np.isfinite(one[index])
        rows.append(
            DifferenceRow(
                study.axes.variants[a],
                study.axes.variants[b],
                *here.interval((index,)),
                se=known(here.se[index]),
                df=known(here.df[index]),
                p=known(tested.p[index]),
                p_holm=known(tested.p_holm[index]),
                detectable=known(tested.detectable[index]),
                verdict=_judge(study, (here.low, here.high), tested.p_holm, index),
                scans=int(seen.any(axis=1).sum()),
                seeds=int(seen.any(axis=0).sum()),
                p_equivalent=known(tested.p_equivalent[index]),
                further_low=known(further.low[index]),
                further_high=known(further.high[index]),
                further_p=known(tested.further_p[index]),
                further_p_holm=known(tested.further_p_holm[index]),
                further_verdict=_judge(
                    study, (further.low, further.high), tested.further_p_holm, index
                ),
                next_low=known(further.next_low[index]),
                next_high=known(further.next_high[index]),
                domain_sd=known(further.deviation[index]),
            )
        )
    return _plan(study, rows, here, further)


def _plan(
    study: StudyScores, rows: list[DifferenceRow], here: Estimate, further: LikeThese
) -> list[DifferenceRow]:
    """Add how large a study would decide what is undecided about the best variant."""
    level = (1 - study.settings.confidence) / len(rows)
    target = Target(study.settings.equivalence, level)
    best = study.axes.variants[_find_best(study)]
    places = [i for i, row in enumerate(rows) if best in (row.variant, row.other)]
    if not places:
        return rows
    value, parts = here.value[places], take_components(here.parts, places)
    domains = plan_domains(
        value, further.deviation[places], len(study.held_out), target
    )
    seeds = plan_seeds(value, parts, len(study.axes.seeds), target)
    subjects = np.ceil(plan_subjects(value, parts, target) * _count_subjects(study))
    planned = list(rows)
    for number, place in enumerate(places):
        row = rows[place]
        planned[place] = replace(
            row,
            domains_needed=_whole(domains[number], row.further_verdict),
            seeds_needed=_whole(seeds[number], row.verdict),
            subjects_needed=_whole(subjects[number], row.verdict),
        )
    return planned


def _whole(number: float, verdict: DifferenceVerdict) -> int | None:
    """A number of units, where something is left to decide."""
    return int(number) if verdict == "undecided" and np.isfinite(number) else None


def _count_subjects(study: StudyScores) -> int:
    """Subjects on domains that were held out."""
    scans = [scan for place in study.held_out for scan in study.axes.members[place]]
    return len({study.axes.subjects[scan] for scan in scans})


class _Tests(NamedTuple):
    """Tests of all pairs, named as the columns of `DifferenceRow`."""

    p: Array
    p_holm: Array
    p_equivalent: Array
    detectable: Array
    further_p: Array
    further_p_holm: Array


def _test(
    study: StudyScores, here: Estimate, further: LikeThese, higher: Array
) -> _Tests:
    """Test all pairs against the margin.

    Args:
        study: its settings and its variants.
        here: differences on the domains of the study.
        further: the same on domains like these.
        higher: Dice of the higher variant of each pair.
    """
    margin, level = study.settings.equivalence, 1 - study.settings.confidence
    p = measure_beyond(here.value, here.se, here.df, margin)
    beyond = measure_beyond(here.value, further.se, further.df, margin)
    # Where one cannot be known, neither can the other.
    further_p = np.maximum(p, beyond)
    # A variant that differs, differs in all of its pairs. Once Holm's method has found
    # the others of them, it tests the last one with what they leave.
    family = max(int(np.isfinite(p).sum()), 1)
    others = 2 * family / len(study.axes.variants) - 1
    target = Target(margin, level / max(family - others, 1))
    return _Tests(
        p=p,
        p_holm=correct_by_holm(p),
        p_equivalent=measure_equivalence(here.value, here.se, here.df, margin),
        detectable=find_detectable(here.parts, target, higher),
        further_p=further_p,
        further_p_holm=correct_by_holm(further_p),
    )


def _judge(
    study: StudyScores, ends: tuple[Array, Array], p: Array, index: int
) -> DifferenceVerdict:
    """What one difference means in practice."""
    low, high = (float(end[index]) for end in ends)
    limits = study.settings.equivalence, 1 - study.settings.confidence
    return judge((low, high), p[index], *limits)


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
            *(_NONE if rank > 1 else _correct(study, places, means[places], interval)),
        )
        rows.append(row)
    return rows


_NONE = Interval(None, None, None)


def _correct(
    study: StudyScores, places: NDArray[np.intp], means: Array, winner: Interval
) -> Interval:
    """The mean of the first variant, corrected for having been chosen.

    Args:
        study: the scores.
        places: positions of the ranked variants.
        means: of these over domains, in each replicate.
        winner: the mean of the first variant as it is.
    """
    scores = score_by_choice(study.lodo.dice[places, -1], means, study.replicates)
    by_domain = study.means(scores)[study.held_out]
    corrected = study.estimate(over_domains(by_domain)).interval((), share=True)
    return combine_intervals(corrected, winner)


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
