r"""Resampling of seeds and subjects, and what it says about an estimate.

A study has scans of subjects on domains, and networks trained from several seeds. Its
statements must hold for other seeds and other subjects. Both are varied in replicates
of the study, which are shared by all variants: differences between variants are
therefore paired.

- *Subjects* are varied within strata of subjects seen on the same domains (where each
  subject has one domain: within domain), with all their scans. A stratum of one subject
  is joined with the smallest stratum that shares a domain with it. Otherwise this
  subject would count once in every replicate, as if there were no error.
- *Seeds* are varied jointly for all domains. Networks that left out different domains
  are different networks even if they share a seed. Varying them jointly estimates the
  variance of the mean over domains whether or not their errors are related.
- *Resamples* show how often a variant comes first. From a stratum of n, n - 1 are drawn
  with replacement (McCarthy and Snowden): with n draws the variance would be too small
  by the factor (n - 1) / n, which is 2/3 with three seeds.
- *Standard errors* come from leaving out each seed, each subject, and each pair of
  both: `medinorm.evidence.inference.components`. Percentiles of the resamples cannot
  make a 95 % interval from three seeds: they never leave the range of the three, which
  misses the true mean one time in four. Intervals are therefore
  :math:`m \pm t_\nu\,\mathrm{SE}`, with Satterthwaite's degrees of freedom.
- Where leaving out one seed, or one subject, leaves nothing (one seed, one subject on a
  domain), the variance cannot be known and there is no interval.

References:
    McCarthy and Snowden, "The bootstrap and finite population sampling", Vital and
    Health Statistics 2(95), 1985.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from medinorm.evidence.inference.components import Components, split_variance
from medinorm.evidence.inference.replicates import Replicates, draw_replicates

__all__ = [
    "Array",
    "Estimate",
    "Interval",
    "Replicates",
    "domain_means",
    "draw_replicates",
    "estimate",
    "known",
    "observed_means",
    "resampled_means",
]

Array = NDArray[np.float64]

_POWER = 0.8


class Interval(NamedTuple):
    """One estimate with its interval; ``None`` where unknown."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Estimate:
    """Estimates with their uncertainty, arrays of one shape; NaN where unknown.

    Args:
        value: the estimate on the study itself.
        low: lower end of the interval.
        high: upper end of the interval.
        se: standard error.
        df: degrees of freedom of the standard error.
        p: two-sided probability of such a value if the truth were 0.
        detectable: true value that is found to differ from 0 with 80 % probability, if
            the standard error is as estimated.
        lean: how far the end on the side of the long tail is moved, for shares.
        parts: components of the variance.
    """

    value: Array
    low: Array
    high: Array
    se: Array
    df: Array
    p: Array
    detectable: Array
    lean: Array
    parts: Components

    def interval(self, index: tuple[int, ...], *, share: bool = False) -> Interval:
        """One of the estimates with its interval.

        Args:
            index: which of them.
            share: whether it lies between 0 and 1. Then its interval does too, and
                reaches further to the side on which subjects lie far off.
        """
        low, high = self.low[index], self.high[index]
        if share:
            lean = self.lean[index]
            low = np.maximum(low + np.minimum(lean, 0.0), 0.0)
            high = np.minimum(high + np.maximum(lean, 0.0), 1.0)
        return Interval(known(self.value[index]), known(low), known(high))


def known(number: float) -> float | None:
    """A number for a record: ``None`` if it is not-a-number.

    Examples:
        >>> known(np.float64(0.5)), known(np.nan)
        (0.5, None)
    """
    return None if math.isnan(number) else float(number)


def domain_means(
    values: Array, replicates: Replicates, members: Sequence[NDArray[np.intp]]
) -> Array:
    """Mean of each domain in each replicate, over all scored pairs of scan and seed.

    Args:
        values: scores, shape ``(..., S, K)``; NaN where there is none.
        replicates: the weights.
        members: indices of the scans of each domain.

    Returns:
        Shape ``(..., D, R)``; NaN where a replicate has no score.
    """
    number = replicates.after + sum(replicates.left_out)
    number += replicates.left_out[0] * sum(replicates.left_out[1:])
    means = np.full((*values.shape[:-2], len(members), number), np.nan)
    for place, scans in enumerate(members):
        own = values[..., scans, :]
        if np.isfinite(own).any():
            after = replicates.after
            means[..., place, :after] = _weighted_mean(own, replicates, scans)
            means[..., place, after:] = _means_left_out(own, replicates, scans)
    return means


def resampled_means(
    values: Array, replicates: Replicates, members: Sequence[NDArray[np.intp]]
) -> Array:
    """As `domain_means`, without the replicates that leave out: ``(..., D, 1 + B)``."""
    means = np.full((*values.shape[:-2], len(members), replicates.after), np.nan)
    for place, scans in enumerate(members):
        means[..., place, :] = _weighted_mean(values[..., scans, :], replicates, scans)
    return means


def observed_means(values: Array, members: Sequence[NDArray[np.intp]]) -> Array:
    """As `domain_means`, in the study itself only: ``(..., D)``."""
    means = np.full((*values.shape[:-2], len(members)), np.nan)
    for place, scans in enumerate(members):
        own = values[..., scans, :]
        known = np.isfinite(own)
        count = known.sum(axis=(-2, -1))
        if count.any():
            total = np.where(known, own, 0.0).sum(axis=-2).sum(axis=-1)
            means[..., place] = total / np.where(count > 0, count, np.nan)
    return means


def estimate(replicated: Array, replicates: Replicates, confidence: float) -> Estimate:
    r"""Value, interval and test of quantities that were computed in each replicate.

    A mean of Dice is skewed where few subjects are far lower than the others. Of the
    studentized mean, the first term of the Edgeworth expansion moves both ends of the
    interval by :math:`\gamma (2 q^2 + 1) / 6` standard errors, where :math:`\gamma` is
    the skewness of the estimate. `Estimate.lean` is this move; only the end on the side
    of the long tail is moved, so that no interval becomes narrower.

    For :math:`q` Johnson takes the quantile of t, which helps few subjects; Hall takes
    the normal one, for which the expansion was made. Downwards it is that of t: a
    subject far below the others tells of more to come. Upwards it is the normal one: of
    three subjects one is often higher than the other two, and with the quantile of t
    the interval of a Dice of 0.75 reached 0.99.

    Args:
        replicated: shape ``(..., R)``, as from `domain_means`.
        replicates: where it comes from.
        confidence: level of the intervals.

    References:
        Johnson, "Modified t tests and confidence intervals for asymmetrical
        populations", JASA 1978, doi:10.1080/01621459.1978.10480051.
        Hall, "On the removal of skewness by transformation", JRSS B 1992,
        doi:10.1111/j.2517-6161.1992.tb01872.x.
    """
    value = replicated[..., 0]
    parts = split_variance(replicated[..., replicates.after :], replicates.left_out)
    se, df = np.sqrt(parts.variance), parts.df
    quantile = stats.t.isf((1 - confidence) / 2, df)
    reach = quantile * se
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = 2 * stats.t.sf(np.abs(value) / se, df)
        upwards = stats.norm.isf((1 - confidence) / 2)
        used = np.where(parts.third < 0, quantile, upwards)
        lean = parts.third / parts.variance * (2 * used**2 + 1) / 6
    return Estimate(
        value=value,
        low=value - reach,
        high=value + reach,
        se=se,
        df=df,
        p=np.where((se == 0) & (value == 0), 1.0, chance),
        detectable=reach + stats.t.ppf(_POWER, df) * se,
        lean=np.where(se > 0, lean, 0.0),
        parts=parts,
    )


def _weighted_mean(
    values: Array, replicates: Replicates, scans: NDArray[np.intp]
) -> Array:
    """Mean of the scans of one domain in each replicate, shape ``(..., R)``."""
    known = np.isfinite(values)
    weights = replicates.scans[scans]

    def total(numbers: Array) -> Array:
        by_scan = np.swapaxes(numbers, -1, -2)
        # Whatever comes before the scans is rows of one product: much faster.
        rows = by_scan.reshape(-1, by_scan.shape[-1]) @ weights
        by_seed = rows.reshape(*by_scan.shape[:-1], -1)
        return np.asarray(np.einsum("...kr,kr->...r", by_seed, replicates.seeds))

    count = _count_distinct(known, total)
    with np.errstate(invalid="ignore"):
        means: Array = total(np.where(known, values, 0.0)) / np.where(
            count > 0, count, np.nan
        )
    return means


def _count_distinct(known: NDArray[np.bool_], total: Callable[[Array], Array]) -> Array:
    """Weighted numbers of scores; of labels that the same scans have, once.

    Args:
        known: which scores there are, ``(..., S, K)``.
        total: makes ``(..., R)`` of numbers of that shape.
    """
    masks = known.reshape(-1, *known.shape[-2:])
    place: dict[bytes, int] = {}
    of_mask = [place.setdefault(mask.tobytes(), len(place)) for mask in masks]
    first = [of_mask.index(number) for number in range(len(place))]
    counts = total(masks[first].astype(np.float64))[of_mask]
    return np.asarray(counts.reshape(*known.shape[:-2], -1))


def _means_left_out(
    values: Array, replicates: Replicates, scans: NDArray[np.intp]
) -> Array:
    """Mean of the scans of one domain without seeds, subjects and pairs of both."""
    known = np.isfinite(values)

    def total(numbers: Array) -> Array:
        return _totals_left_out(numbers, replicates, scans)

    totals = total(np.where(known, values, 0.0))
    counts = _count_distinct(known, total)
    # Weights are fractions: a count of nothing may be a rounding error away from 0.
    return np.asarray(totals / np.where(counts > 1e-9, counts, np.nan))


def _totals_left_out(
    numbers: Array, replicates: Replicates, scans: NDArray[np.intp]
) -> Array:
    """Weighted sums without seeds, subjects, pairs; the rest of a stratum weighs more.

    Args:
        numbers: of the scans of one domain, shape ``(..., S, K)``.
        replicates: subjects and strata.
        scans: positions of the scans.

    Returns:
        Shape ``(..., K + N + N K)``.
    """
    _, *strata = replicates.left_out
    of_subject = _sum_subjects(numbers, replicates.people[scans], sum(strata))
    starts = np.cumsum([0, *strata[:-1]])
    of_stratum = np.repeat(
        np.add.reduceat(of_subject, starts, axis=-2), strata, axis=-2
    )
    sizes = np.repeat(strata, strata).astype(np.float64)
    # The others of the stratum stand for the one who is left out.
    factor = (sizes / np.maximum(sizes - 1, 1))[:, np.newaxis]
    by_seed = numbers.sum(axis=-2)
    without = (
        by_seed[..., np.newaxis, :] - of_stratum + factor * (of_stratum - of_subject)
    )
    subjects = without.sum(axis=-1)
    pairs = subjects[..., np.newaxis] - without
    seeds = by_seed.sum(axis=-1, keepdims=True) - by_seed
    flat = pairs.reshape(*pairs.shape[:-2], -1)
    return np.concatenate([seeds, subjects, flat], axis=-1)


def _sum_subjects(numbers: Array, people: NDArray[np.intp], number: int) -> Array:
    """Sums over the scans of each subject, ``(..., S, K)`` to ``(..., N, K)``."""
    order = np.argsort(people, kind="stable")
    present, starts = np.unique(people[order], return_index=True)
    sums = np.zeros((*numbers.shape[:-2], number, numbers.shape[-1]))
    if len(present):
        sums[..., present, :] = np.add.reduceat(numbers[..., order, :], starts, axis=-2)
    return sums
