r"""Which share of the generalization gap of the usual norm a variant recovers.

.. math:: \frac{y_v - y_r}{x_r - y_r}

with the out-of-domain Dice y of the variant v and of the reference r, and the in-domain
Dice x of the reference, all means over the same scans and domains. Below 0 the variant
is worse than the reference; above 1 it is better than the reference where that had
trained on the domain.

The share is computed in each replicate of the study, so that its standard error is that
of the ratio (the delete-one jackknife of a ratio). A ratio whose denominator may be 0
has no interval: the share is refused unless the whole interval of the reference's gap
lies above 0.

References:
    Fieller, "Some problems in interval estimation", JRSS B 1954,
    doi:10.1111/j.2517-6161.1954.tb00159.x (why not).
    Efron and Stein, "The jackknife estimate of variance", Annals of Statistics 1981,
    doi:10.1214/aos/1176345462.
"""

from collections.abc import Iterator

import numpy as np

from medinorm.evidence.bootstrap import Array, Interval
from medinorm.evidence.study_scores import StudyScores, over_domains
from medinorm.records.beyond_means import RecoveredRow
from medinorm.variant import Variant


def tabulate_recovered(
    study: StudyScores, reference: Variant | None
) -> Iterator[RecoveredRow]:
    """One row for each variant besides the reference; none without one.

    Args:
        study: the scores.
        reference: the variant with the usual norm.
    """
    variants = study.axes.variants
    if reference is None or not study.held_out:
        return
    place = variants.index(reference)
    for index, variant in enumerate(variants):
        if index != place:
            inside, unseen, other = _common_means(study, place, index)
            gap = study.estimate(inside - unseen).interval(())
            note = _find_reason(gap, float(other[0]))
            if note:
                yield RecoveredRow(
                    variant, reference, None, None, None, gap.value, note
                )
                continue
            with np.errstate(divide="ignore", invalid="ignore"):
                share = study.estimate((other - unseen) / (inside - unseen))
            yield RecoveredRow(variant, reference, *share.interval(()), gap.value, None)


def _common_means(
    study: StudyScores, reference: int, variant: int
) -> tuple[Array, Array, Array]:
    """Means over domains, ``(R,)``, on the scans that all three have.

    Returns:
        In-domain and out-of-domain Dice of the reference; that of the variant.
    """
    scores = [
        study.pooled.dice[reference, -1],
        study.lodo.dice[reference, -1],
        study.lodo.dice[variant, -1],
    ]
    both = np.all([np.isfinite(s).any(axis=-1) for s in scores], axis=0)
    means = [
        over_domains(
            study.means(np.where(both[:, np.newaxis], s, np.nan))[study.held_out]
        )
        for s in scores
    ]
    return means[0], means[1], means[2]


def _find_reason(gap: Interval, other: float) -> str | None:
    """Why there is no share."""
    if gap.value is None:
        return "the gap of the reference is not known: a design is incomplete"
    if not np.isfinite(other):
        return "the variant lacks a domain"
    if gap.low is None or gap.low <= 0:
        return "the gap of the reference is not clearly above 0"
    return None
