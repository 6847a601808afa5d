r"""Resampling of seeds and subjects, and what it says about an estimate.

A study has scans of subjects on domains, and networks trained from several seeds. Its
statements must hold for other seeds and other subjects, so both are resampled. Every
resampling is a pair of weights, one for each scan and one for each seed, drawn once for
all variants: differences between variants are therefore paired.

- *Subjects* are resampled within strata of subjects seen on the same domains (where
  each subject has one domain: within domain), with all their scans. The only subject
  of a stratum joins the smallest stratum that shares a domain with it: else it would
  count once in every replicate, as if it were known without error.
- *Seeds* are resampled jointly for all domains. Networks that left out different
  domains are different networks even if they share a seed; a joint resample
  estimates the variance of the mean over domains whether or not their errors are
  related.
- From a stratum of n, n - 1 are drawn with replacement (McCarthy and Snowden): n
  draws would understate the variance by the factor (n - 1) / n, which is 2/3 with
  three seeds.
- Percentiles of the bootstrap cannot make a 95 % interval from three seeds: they never
  leave the range of the three, which misses the true mean one time in four. Intervals
  are therefore :math:`m \pm t_\nu\,\mathrm{SE}`, with Satterthwaite's degrees of
  freedom :math:`\nu`, whose variance components come from leaving out each seed and
  each subject in turn. The standard error is the larger of the bootstrap's and that of
  leaving out: where strata were joined, a domain of two subjects may lose both in a
  resample, and the resamples that are left vary too little.
- Where leaving out one seed, or one subject, leaves nothing (one seed, one subject on a
  domain), the variance cannot be known and there is no interval.

Resampling both factors counts their interaction more than once: the intervals err on
the wide side (Owen, the pigeonhole bootstrap).

References:
    McCarthy and Snowden, "The bootstrap and finite population sampling", Vital and
    Health Statistics 2(95), 1985.
    Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 2007,
    doi:10.1214/07-AOAS122.
    Satterthwaite, "An approximate distribution of estimates of variance components",
    Biometrics Bulletin 1946, doi:10.2307/3002019.
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

_POWER = 0.8


@dataclass(frozen=True)
class Replicates:
    """Weights of scans and seeds in each replicate of the study.

    The first replicate is the study itself, then come the resamples, then the study
    without each seed and without each subject.

    Args:
        scans: shape ``(S, R)``.
        seeds: shape ``(K, R)``.
        resamples: number of bootstrap resamples.
        left_out: for each stratum, how many replicates leave out one of it; in order.
    """

    scans: Array
    seeds: Array
    resamples: int
    left_out: tuple[int, ...]


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
        detectable: true value that is found to differ from 0 with 80 % probability.
    """

    value: Array
    low: Array
    high: Array
    se: Array
    df: Array
    p: Array
    detectable: Array

    def interval(self, index: tuple[int, ...], *, share: bool = False) -> Interval:
        """One of the estimates with its interval.

        Args:
            index: which of them.
            share: whether it lies between 0 and 1; then its interval does too.
        """
        low, high = (0.0, 1.0) if share else (-np.inf, np.inf)
        return Interval(
            known(self.value[index]),
            known(np.maximum(self.low[index], low)),
            known(np.minimum(self.high[index], high)),
        )


class Further(NamedTuple):
    """Prediction interval for one further domain.

    Args:
        low: lower end.
        high: upper end.
        factor: half-width in standard deviations; 4.97 with three domains at 95 %.
        standard_deviation: between domains.
    """

    low: float
    high: float
    factor: float
    standard_deviation: float


def known(number: float) -> float | None:
    """A number for a record: ``None`` if it is not-a-number.

    Examples:
        >>> known(np.float64(0.5)), known(np.nan)
        (0.5, None)
    """
    return None if math.isnan(number) else float(number)


def draw_replicates(
    subjects: Sequence[str],
    domains: Sequence[str],
    seeds: int,
    resamples: int,
    rng: np.random.Generator,
) -> Replicates:
    """Draw the replicates of a study.

    Args:
        subjects: subject of each scan, length S.
        domains: domain of each scan, length S.
        seeds: number of seeds of training, K.
        resamples: number of bootstrap resamples.
        rng: source of randomness.
    """
    seen_on: dict[str, set[str]] = {}
    for subject, domain in zip(subjects, domains, strict=True):
        seen_on.setdefault(subject, set()).add(domain)
    names = list(seen_on)
    row_of = [names.index(subject) for subject in subjects]
    strata = _stratify(list(seen_on.values()))
    trainings = [list(range(seeds))]
    by_seed = np.hstack(
        [
            np.ones((seeds, 1)),
            _resample(trainings, resamples, rng),
            _leave_one_out(trainings),
            np.ones((seeds, len(names))),
        ]
    )
    by_subject = np.hstack(
        [
            np.ones((len(names), 1)),
            _resample(strata, resamples, rng),
            np.ones((len(names), seeds)),
            _leave_one_out(strata),
        ]
    )
    left_out = (seeds, *map(len, strata))
    return Replicates(by_subject[row_of], by_seed, resamples, left_out)


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
    means = [
        _weighted_mean(values[..., scans, :], replicates, scans) for scans in members
    ]
    return np.stack(means, axis=-2)


def estimate(replicated: Array, replicates: Replicates, confidence: float) -> Estimate:
    """Value, interval and test of quantities that were computed in each replicate.

    Args:
        replicated: shape ``(..., R)``, as from `domain_means`.
        replicates: where it comes from.
        confidence: level of the intervals.
    """
    value = replicated[..., 0]
    resampled = replicated[..., 1 : 1 + replicates.resamples]
    variance, df = _satterthwaite(replicated, replicates)
    finite = np.isfinite(value) & np.isfinite(variance)
    se = np.full(value.shape, np.nan)
    se[finite] = np.maximum(
        _standard_deviation(resampled[finite]), np.sqrt(variance[finite])
    )
    tail = (1 - confidence) / 2
    reach = stats.t.isf(tail, df) * se
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = 2 * stats.t.sf(np.abs(value) / se, df)
    return Estimate(
        value=value,
        low=value - reach,
        high=value + reach,
        se=se,
        df=df,
        p=np.where((se == 0) & (value == 0), 1.0, chance),
        detectable=reach + stats.t.ppf(_POWER, df) * se,
    )


def predict_further(means: Array, confidence: float) -> Further:
    r"""Where the mean of one further domain will lie, if it is like the others.

    .. math:: m \pm t_{k-1}\, s \sqrt{1 + 1/k}

    for k domains with mean m and standard deviation s.

    Args:
        means: mean of each domain, shape ``(k,)``.
        confidence: level of the interval.

    Returns:
        NaN throughout with fewer than two domains.

    Examples:
        >>> round(predict_further(np.array([0.7, 0.8, 0.9]), 0.95).factor, 2)
        4.97
    """
    k = len(means)
    if k < 2 or not np.isfinite(means).all():
        return Further(np.nan, np.nan, np.nan, np.nan)
    factor = float(stats.t.isf((1 - confidence) / 2, k - 1) * np.sqrt(1 + 1 / k))
    centre, deviation = float(np.mean(means)), float(np.std(means, ddof=1))
    reach = factor * deviation
    return Further(centre - reach, centre + reach, factor, deviation)


def _group(keys: Iterable[Hashable]) -> list[list[int]]:
    """Positions of equal keys, in order of first appearance."""
    groups: dict[Hashable, list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault(key, []).append(position)
    return list(groups.values())


def _stratify(seen_on: Sequence[set[str]]) -> list[list[int]]:
    """Positions of the subjects of each stratum.

    A stratum that still has one subject shares none of its domains with another: what
    rests on them cannot be known, as leaving out the subject leaves nothing.

    Args:
        seen_on: the domains of each subject.
    """
    strata = _group(map(frozenset, seen_on))
    reach = [set(seen_on[members[0]]) for members in strata]
    position = 0
    while position < len(strata):
        near = [
            place
            for place, domains in enumerate(reach)
            if place != position and domains & reach[position]
        ]
        if len(strata[position]) > 1 or not near:
            position += 1
            continue
        smallest = min(near, key=lambda place: len(strata[place]))
        strata[smallest] += strata[position]
        reach[smallest] |= reach[position]
        del strata[position], reach[position]
    return strata


def _resample(
    strata: Sequence[Sequence[int]], resamples: int, rng: np.random.Generator
) -> Array:
    """How often each unit counts: n - 1 draws of n, scaled to the stratum's size.

    The only unit of a stratum always counts once.
    """
    weights = np.ones((sum(map(len, strata)), resamples))
    for members in strata:
        n = len(members)
        if n > 1:
            counts = rng.multinomial(n - 1, np.full(n, 1 / n), size=resamples)
            weights[members] = counts.T * (n / (n - 1))
    return weights


def _leave_one_out(strata: Sequence[Sequence[int]]) -> Array:
    """Weights without each unit in turn, scaled to the stratum's size."""
    size = sum(map(len, strata))
    blocks = []
    for members in strata:
        n = len(members)
        block = np.ones((size, n))
        block[members] = (1 - np.eye(n)) * (n / max(n - 1, 1))
        blocks.append(block)
    return np.hstack(blocks)


def _weighted_mean(
    values: Array, replicates: Replicates, scans: NDArray[np.intp]
) -> Array:
    """Mean of the scans of one domain in each replicate, shape ``(..., R)``."""
    known = np.isfinite(values)
    weights = replicates.scans[scans]

    def total(numbers: Array) -> Array:
        by_seed = np.swapaxes(numbers, -1, -2) @ weights
        return np.asarray(np.einsum("...kr,kr->...r", by_seed, replicates.seeds))

    count = total(known.astype(np.float64))
    with np.errstate(invalid="ignore"):
        means: Array = total(np.where(known, values, 0.0)) / np.where(
            count > 0, count, np.nan
        )
    return means


def _satterthwaite(replicated: Array, replicates: Replicates) -> tuple[Array, Array]:
    """Jackknife variance and its degrees of freedom; NaN where it cannot be known."""
    total = np.zeros(replicated.shape[:-1])
    squares = np.zeros(replicated.shape[:-1])
    start = 1 + replicates.resamples
    for n in replicates.left_out:
        block = replicated[..., start : start + n]
        start += n
        centred = block - block.mean(axis=-1, keepdims=True)
        part = (n - 1) / n * np.sum(centred**2, axis=-1)
        total += part
        squares += part**2 / max(n - 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        df: Array = np.where(total > 0, total**2 / squares, np.inf)
    df[~np.isfinite(total)] = np.nan
    return total, df


def _standard_deviation(resampled: Array) -> Array:
    """Standard deviation over the resamples with a score; 0 where fewer than two."""
    known = np.isfinite(resampled)
    count = known.sum(axis=-1, keepdims=True)
    total = np.where(known, resampled, 0.0).sum(axis=-1, keepdims=True)
    centred = np.where(known, resampled - total / np.maximum(count, 1), 0.0)
    degrees = np.maximum(count[..., 0] - 1, 1)
    return np.asarray(np.sqrt(np.sum(centred**2, axis=-1) / degrees))
