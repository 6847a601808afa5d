r"""Each variant on each unseen domain: Dice, rank, and how often Dice is low.

A variant with the highest mean may be the last on one domain. A mean does not say so.

The share of predictions with a low Dice is a proportion with few subjects. Its interval
is that of Clopper and Pearson with the effective number of subjects

.. math:: n^* = \frac{p (1 - p)}{\mathrm{SE}^2}
          \left(\frac{t_{n-1}}{t_{\nu}}\right)^2 \le n

where SE is the standard error over seeds and subjects with :math:`\nu` degrees of
freedom, and n the number of subjects, which also stands for :math:`n^*` where all
predictions or none have a low Dice.

The lowest Dice over domains is chosen by what is measured. Its interval holds for the
truth on the domain that is truly the worst: the lowest of the lower ends (which needs
no correction: one of them belongs to that domain), and the lowest of the upper ends
at a level corrected by the number of domains.

References:
    Korn and Graubard, "Confidence intervals for proportions with small expected number
    of positive counts estimated from survey data", Survey Methodology 1998, 24(2).
    Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the
    case of the binomial", Biometrika 1934, doi:10.1093/biomet/26.4.404.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from medinorm.evidence.bootstrap import Array, Interval, known
from medinorm.evidence.study_scores import StudyScores, count_cases, over_domains
from medinorm.records.beyond_means import (
    UnseenDomainRow,
    UnseenLabelRow,
    WorstDomainRow,
)
from medinorm.variant import Variant


def tabulate_unseen_domains(
    study: StudyScores, ranked: Sequence[Variant], threshold: float
) -> Iterator[UnseenDomainRow]:
    """One row for each variant and domain that its networks never saw.

    Args:
        study: the scores.
        ranked: the variants that have a rank.
        threshold: a Dice below it is low.
    """
    dice = study.estimate(study.means(study.lodo.dice[:, -1]))
    by_scan = _mean_known(study.lodo.dice[:, :-1])
    low = np.where(np.isfinite(by_scan), by_scan < threshold, np.nan)
    below = study.estimate(study.means(low))
    ranks = _rank_by_domain(study, dice.value, ranked)
    for index, variant in enumerate(study.axes.variants):
        lowest = _find_lowest(dice.value[index, study.held_out])
        for position, place in enumerate(study.held_out):
            scans = study.axes.members[place]
            counts = count_cases(study.lodo, (index, -1), scans)
            if not counts.seeds:
                continue
            subjects = _count_subjects(study, index, scans)
            at = index, place
            yield UnseenDomainRow(
                variant,
                study.axes.domain_names[place],
                *dice.interval(at, share=True),
                scans=counts.scans,
                subjects=subjects,
                seeds=counts.seeds,
                rank=ranks.get((variant, place)),
                ranked=len(ranked),
                below=known(below.value[at]),
                **_name_ends(
                    bound_share(
                        (below.value[at], below.se[at], below.df[at]),
                        subjects,
                        study.settings.confidence,
                    )
                ),
                threshold=threshold,
                worst=position == lowest,
            )


def tabulate_worst_domains(study: StudyScores) -> Iterator[WorstDomainRow]:
    """One row a variant that was tested on all held-out domains."""
    dice = study.estimate(study.means(study.lodo.dice[:, -1])[:, study.held_out])
    tail = (1 - study.settings.confidence) / 2
    number = max(len(study.held_out), 1)
    lows = dice.value - stats.t.isf(tail, dice.df) * dice.se
    highs = dice.value + stats.t.isf(tail / number, dice.df) * dice.se
    for index, variant in enumerate(study.axes.variants):
        worst = _find_lowest(dice.value[index])
        if worst is None:
            continue
        yield WorstDomainRow(
            variant,
            study.axes.domain_names[study.held_out[worst]],
            float(dice.value[index, worst]),
            known(np.maximum(lows[index].min(), 0.0)),
            known(np.minimum(highs[index].min(), 1.0)),
        )


def tabulate_unseen_labels(study: StudyScores) -> Iterator[UnseenLabelRow]:
    """One row for each variant and label, over all unseen domains."""
    if not study.held_out:
        return
    for index, variant in enumerate(study.axes.variants):
        one = study.lodo.dice[index : index + 1, :-1]  # of all it takes gigabytes
        dice = study.estimate(over_domains(study.means(one, study.held_out)))
        for place, label in enumerate(study.axes.labels):
            yield UnseenLabelRow(variant, label, *dice.interval((0, place), share=True))


def bound_share(
    share: tuple[float, float, float], subjects: int, confidence: float
) -> Interval:
    """The interval of a share of predictions, by Korn and Graubard.

    Args:
        share: estimate, standard error and its degrees of freedom.
        subjects: how many it rests on.
        confidence: level of the interval.

    Returns:
        The share with its interval; no interval where it cannot be known.

    Examples:
        >>> high = bound_share((0.0, 0.0, np.inf), 10, 0.95).high
        >>> round(high, 4) == round(1 - 0.025 ** (1 / 10), 4)
        True
    """
    p, se, df = share
    if not np.isfinite(p) or not np.isfinite(se) or subjects < 2:
        return Interval(known(p), None, None)
    tail = (1 - confidence) / 2
    effective = float(subjects)
    if se > 0 and 0 < p < 1:
        ratio = stats.t.isf(tail, subjects - 1) / stats.t.isf(tail, df)
        effective = min(p * (1 - p) / se**2 * ratio**2, effective)
    hits = p * effective
    low = stats.beta.ppf(tail, hits, effective - hits + 1) if p > 0 else 0.0
    high = stats.beta.ppf(1 - tail, hits + 1, effective - hits) if p < 1 else 1.0
    return Interval(float(p), float(low), float(high))


def _name_ends(interval: Interval) -> dict[str, float | None]:
    """The ends of the interval of `below`, by their columns."""
    return {"below_low": interval.low, "below_high": interval.high}


def _rank_by_domain(
    study: StudyScores, dice: Array, ranked: Sequence[Variant]
) -> dict[tuple[Variant, int], int]:
    """The rank of each ranked variant on each held-out domain; equal ones share it."""
    ranks = {}
    places = [study.axes.variants.index(variant) for variant in ranked]
    for place in study.held_out:
        values = dice[places, place]
        for variant, value in zip(ranked, values, strict=True):
            if np.isfinite(value):
                ranks[variant, place] = 1 + int((values > value).sum())
    return ranks


def _find_lowest(by_domain: Array) -> int | None:
    """Position of the lowest Dice; none where a domain is missing."""
    if not len(by_domain) or not np.isfinite(by_domain).all():
        return None
    return int(np.argmin(by_domain))


def _count_subjects(study: StudyScores, index: int, scans: NDArray[np.intp]) -> int:
    """How many subjects of some scans one variant was tested on."""
    tested = scans[study.lodo.seen[index, -1, scans].any(axis=1)]
    return len({study.axes.subjects[scan] for scan in tested})


def _mean_known(by_label: Array) -> Array:
    """Mean of each scan over its labels that were scored, ``(V, L, S, K)``."""
    scored = np.isfinite(by_label)
    count = scored.sum(axis=1)
    total = np.where(scored, by_label, 0.0).sum(axis=1)
    return np.asarray(total / np.where(count > 0, count, np.nan))
