r"""Is a difference larger than what matters? Is it smaller?

A region of practical equivalence, :math:`\pm\epsilon`, is what does not matter. Tests
are against its ends, not against 0: a difference of exactly :math:`\epsilon` must not
be called larger more often than the level allows.

- *Beyond the margin*: the null is :math:`|\theta| \le \epsilon`. One test each way, so
  that the probability is twice that of the nearer end. It is at most the level exactly
  where the whole interval lies beyond the margin.
- *Equivalent*: two one-sided tests (TOST), the null is :math:`|\theta| \ge \epsilon`.

References:
    Schuirmann, "A comparison of the two one-sided tests procedure and the power
    approach", J Pharmacokinet Biopharm 1987, doi:10.1007/BF01068419.
    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 1979.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


def measure_beyond(value: Array, se: Array, df: Array | float, margin: float) -> Array:
    """Probability of such a difference if the truth were within the margin.

    Args:
        value: the differences.
        se: their standard errors.
        df: degrees of freedom of these.
        margin: half-width of the region of practical equivalence.

    Examples:
        >>> measure_beyond(np.array([0.005, 0.05]), np.full(2, 0.01), 10, 0.01).round(4)
        array([1.    , 0.0025])
    """
    distance = np.abs(value) - margin
    chance = np.minimum(2 * stats.t.sf(_ratio(distance, se), df), 1.0)
    return np.asarray(np.where(np.isfinite(se), chance, np.nan))


def measure_equivalence(
    value: Array, se: Array, df: Array | float, margin: float
) -> Array:
    """Probability of such a difference if the truth were outside the margin (TOST).

    The arguments are those of `measure_beyond`.
    """
    chance = stats.t.sf(_ratio(margin - np.abs(value), se), df)
    return np.asarray(np.where(np.isfinite(se), chance, np.nan))


def correct_by_holm(p: Array) -> Array:
    """Holm's correction of those probabilities that are known, one family.

    Examples:
        >>> correct_by_holm(np.array([0.01, np.nan, 0.04]))
        array([0.02,  nan, 0.04])
    """
    corrected = np.full(p.shape, np.nan)
    known = np.isfinite(p)
    if known.any():
        order = np.argsort(p[known], kind="stable")
        left = np.arange(len(order), 0, -1)
        steps = np.maximum.accumulate(p[known][order] * left)
        in_order = np.empty_like(steps)
        in_order[order] = np.minimum(steps, 1.0)
        corrected[known] = in_order
    return corrected


def _ratio(distance: Array, se: Array) -> Array:
    """Distances in standard errors; infinite where there is no error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = distance / se
    return np.asarray(np.where((se == 0) & (distance == 0), 0.0, ratio))
