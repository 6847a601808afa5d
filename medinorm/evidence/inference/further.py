r"""What to expect on a further domain, if it is like those of the study.

Domains are a random effect: each has its own mean (of a variant, or of the difference
of two), and a study has k of them, with mean m and standard deviation s. The mean over
all domains like these lies in :math:`m \pm t_{k-1}\, s / \sqrt{k}`, the next one in
:math:`m \pm t_{k-1}\, s \sqrt{1 + 1/k}`.

The means of domains contain sampling error, which s contains too: it is never taken to
be smaller than this error. A statement about further domains is never more certain than
the same statement about the domains of the study: its interval contains theirs.

References:
    Higgins, Thompson and Spiegelhalter, "A re-evaluation of random-effects
    meta-analysis", JRSS A 2009, doi:10.1111/j.1467-985X.2008.00552.x.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from medinorm.evidence.bootstrap import Estimate

Array = NDArray[np.float64]


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


class LikeThese(NamedTuple):
    """What holds for domains like those of the study, arrays of one shape.

    NaN where fewer than two domains are known.

    Args:
        low: lower end of the interval of the mean over such domains.
        high: its upper end.
        next_low: lower end of the prediction interval of one further domain.
        next_high: its upper end.
        se: standard error of the mean over such domains.
        df: degrees of freedom of the standard error.
        deviation: standard deviation between domains that the intervals use.
    """

    low: Array
    high: Array
    next_low: Array
    next_high: Array
    se: Array
    df: int
    deviation: Array


def predict_further(means: Array, confidence: float) -> Further:
    r"""Where the mean of one further domain will lie, if sampling error is nothing.

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


def infer_further(here: Estimate, by_domain: Estimate, confidence: float) -> LikeThese:
    """What the domains of a study say about domains like them.

    Args:
        here: means over the domains of the study, any shape.
        by_domain: the same of each domain, one axis more at the end.
        confidence: level of the intervals.
    """
    k = by_domain.value.shape[-1]
    if k < 2:
        unknown = np.full(here.value.shape, np.nan)
        return LikeThese(*(unknown,) * 4, se=unknown, df=1, deviation=unknown)
    between = np.std(by_domain.value, axis=-1, ddof=1)
    # Where a domain has no known error, there is no floor.
    errors = np.where(np.isfinite(by_domain.se), by_domain.se, 0.0)
    deviation = np.maximum(between, np.sqrt(np.mean(errors**2, axis=-1)))
    quantile = stats.t.isf((1 - confidence) / 2, k - 1)
    se = deviation / np.sqrt(k)
    low = np.fmin(here.value - quantile * se, here.low)
    high = np.fmax(here.value + quantile * se, here.high)
    reach = quantile * deviation * np.sqrt(1 + 1 / k)
    return LikeThese(
        low=low,
        high=high,
        next_low=np.fmin(here.value - reach, low),
        next_high=np.fmax(here.value + reach, high),
        se=se,
        df=k - 1,
        deviation=deviation,
    )
