r"""Components of the variance of an estimate: seeds, subjects, and both together.

Every score belongs to one seed and one subject, in two crossed factors. For a mean over
n subjects and K seeds, the variance is

.. math::
    V = \frac{\sigma_{subject}^2}{n} + \frac{\sigma_{seed}^2}{K}
        + \frac{\sigma_{rest}^2}{nK},
    \qquad
    \hat V = \frac{MS_{subject} + MS_{seed} - MS_{rest}}{nK}

The mean squares of subjects and of seeds both contain the rest; their sum counts it
twice, so that it is subtracted once. All three come from replicates: leaving out one
seed, one subject, and one of each. For means over all scans they are the mean squares
of the analysis of variance exactly; for other means they are their jackknife.
Seeds are joint over domains, subjects are within their stratum.

:math:`\hat V` may come out too small by chance. It is never less than the larger of the
first two mean squares, each of which is a variance that the study certainly has. With
fewer than five seeds nothing is subtracted: in simulated studies (`benchmarks/
statistics.py`) the unbiased variance then held the truth less often than it should.

References:
    Cameron, Gelbach and Miller, "Robust inference with multiway clustering", Journal of
    Business and Economic Statistics 2011, doi:10.1198/jbes.2010.07136.
    Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 2007,
    doi:10.1214/07-AOAS122.
    Satterthwaite, "An approximate distribution of estimates of variance components",
    Biometrics Bulletin 1946, doi:10.2307/3002019: of the subjects and the rest.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medinorm.evidence.inference.degrees import match_df

Array = NDArray[np.float64]


UNBIASED_SEEDS = 5  # from this number on, the rest is subtracted


class Components(NamedTuple):
    """Parts of the variance of estimates, arrays of one shape; NaN where unknown.

    Args:
        seeds: mean square of seeds, as a variance of the estimate.
        subjects: mean square of subjects, the same.
        rest: mean square of both together, the same; 0 where it cannot be known.
        seed_df: degrees of freedom of the seeds.
        subject_df: Satterthwaite's degrees of freedom of the subjects.
        rest_df: the same of the rest.
        third: third central moment of the estimate, from subjects.
    """

    seeds: Array
    subjects: Array
    rest: Array
    seed_df: Array
    subject_df: Array
    rest_df: Array
    third: Array

    @property
    def subtracted(self) -> Array:
        """What is taken from the sum: the rest, if there are enough seeds."""
        return np.where(self.seed_df >= UNBIASED_SEEDS - 1, self.rest, 0.0)

    @property
    def variance(self) -> Array:
        """Variance of the estimates, rather too large than too small."""
        total = self.seeds + self.subjects - self.subtracted
        return np.asarray(np.maximum.reduce([total, self.seeds, self.subjects]))

    @property
    def unbiased(self) -> Array:
        """Variance of the estimates, with few seeds too."""
        total = self.seeds + self.subjects - self.rest
        return np.asarray(np.maximum.reduce([total, self.seeds, self.subjects]))

    @property
    def df(self) -> Array:
        """Degrees of freedom of `variance`; infinite where nothing varies.

        Few seeds are one part of the variance, the others are the second: see
        `medinorm.evidence.inference.degrees`.
        """
        df = match_df(self.share, self.seed_df, self.others_df)
        return np.asarray(np.where(self.variance == 0, np.inf, df))

    @property
    def share(self) -> Array:
        """Share of the seeds in `variance`."""
        return _over(self.seeds, self.variance)

    @property
    def others_df(self) -> Array:
        """Satterthwaite's degrees of freedom of all but the seeds, at least 1."""
        variance, largest = self.variance, np.maximum(self.seeds, self.subjects)
        squares = _over(self.subjects**2, self.subject_df)
        squares += _over(self.subtracted**2, self.rest_df)
        both = _over((variance - self.seeds) ** 2, squares)
        # The variance of subjects alone is known as well as that of subjects.
        df = np.where(variance > largest, both, self.subject_df)
        return np.maximum(df, 1.0)

    @property
    def unbiased_df(self) -> Array:
        """Satterthwaite's degrees of freedom of `unbiased`; infinite as of `df`."""
        squares = (
            _over(self.seeds**2, self.seed_df)
            + _over(self.subjects**2, self.subject_df)
            + _over(self.rest**2, self.rest_df)
        )
        return np.where(self.unbiased == 0, np.inf, _over(self.unbiased**2, squares))


def split_variance(left_out: Array, sizes: Sequence[int]) -> Components:
    """The components of the variance of estimates.

    Args:
        left_out: estimates without each of K seeds, then without each of N subjects in
            the order of their strata, then without both, subject by subject: shape
            ``(..., K + N + N K)``.
        sizes: K, then the number of subjects of each stratum.
    """
    seeds, *strata = sizes
    number = sum(strata)
    by_seed = left_out[..., :seeds]
    by_subject = left_out[..., seeds : seeds + number]
    pairs = left_out[..., seeds + number :]
    pairs = pairs.reshape(*left_out.shape[:-1], number, seeds)
    of_seeds = _leave_one_variance(by_seed)
    subjects, rest, third, squares, rest_squares = np.zeros((5, *of_seeds.shape))
    start = 0
    for n in strata:
        mine = by_subject[..., start : start + n]
        both = _rest_variance(pairs[..., start : start + n, :])
        own = _leave_one_variance(mine)
        subjects += own
        rest += both
        third += _third_moment(mine)
        squares += own**2 / max(n - 1, 1)
        rest_squares += both**2 / max((n - 1) * (seeds - 1), 1)
        start += n
    return Components(
        seeds=of_seeds,
        subjects=subjects,
        rest=rest,
        seed_df=np.full(of_seeds.shape, float(max(seeds - 1, 1))),
        subject_df=_over(subjects**2, squares),
        rest_df=_over(rest**2, rest_squares),
        third=third,
    )


def _over(numbers: Array, others: Array) -> Array:
    """Quotients; 0 over 0 is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(numbers == 0, 0.0, numbers / others))


def _leave_one_variance(block: Array) -> Array:
    """Jackknife variance from estimates without each of n units, ``(..., n)``."""
    n = block.shape[-1]
    centred = block - block.mean(axis=-1, keepdims=True)
    return np.asarray((n - 1) / n * np.sum(centred**2, axis=-1))


def _third_moment(block: Array) -> Array:
    """Third central moment of the estimate, unbiased for a mean of n units."""
    n = block.shape[-1]
    if n < 3:
        return np.zeros(block.shape[:-1])
    centred = block.mean(axis=-1, keepdims=True) - block
    # `centred` is each unit's deviation from the mean, divided by n - 1.
    return np.asarray((n - 1) ** 2 / (n * (n - 2)) * np.sum(centred**3, axis=-1))


def _rest_variance(block: Array) -> Array:
    """What is left without the main effects of subjects and seeds, ``(..., n, K)``."""
    n, seeds = block.shape[-2:]
    if min(n, seeds) < 2:
        return np.zeros(block.shape[:-2])
    centred = (
        block
        - block.mean(axis=-1, keepdims=True)
        - block.mean(axis=-2, keepdims=True)
        + block.mean(axis=(-2, -1), keepdims=True)
    )
    scale = (n - 1) * (seeds - 1) / (n * seeds)
    rest = scale * np.sum(centred**2, axis=(-2, -1))
    return np.asarray(np.where(np.isfinite(rest), rest, 0.0))
