r"""What a study of this size can find, and how large one would have to be.

Nothing here is a formula for power. Studies are drawn from the fitted components of the
variance: the estimate varies with their sum, and each mean square is
:math:`\sigma^2 \chi^2_\nu / \nu`. Each drawn study is judged as the real one is, with
its own standard error and degrees of freedom. The draws are the same for all
comparisons, and are spread evenly (Halton), so that few are enough.

The components are themselves estimates, and the answer is as uncertain as they are. A
standard deviation from :math:`\nu` degrees of freedom is too small on average, by

.. math:: c_4(\nu) = \sqrt{\frac{2}{\nu}}\,
    \frac{\Gamma\bigl((\nu + 1) / 2\bigr)}{\Gamma(\nu / 2)},

0.89 with the two of three seeds: what can be found is divided by it.

Dice lies between 0 and 1, and varies more the nearer it is to the middle. Of a score
that varies on the logit scale, the standard deviation is in proportion to
:math:`\mu (1 - \mu)` (delta method). A variant that is lower by d varies more than
those that were measured, so that larger differences are needed than their standard
error says. In simulated studies (`benchmarks/statistics.py`) the power at the answer is
75 to 85 %.

References:
    Holtzman, "The unbiased estimate of the population variance and standard
    deviation", American Journal of Psychology 1950, doi:10.2307/1418879.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.stats import qmc

from medinorm.evidence.inference.components import Components
from medinorm.evidence.inference.degrees import match_df

Array = NDArray[np.float64]

POWER = 0.8
_ROUNDS = 30  # until a difference and its standard error agree
SIZES = (3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30, 50, 100)
FACTORS = (1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0)
_DRAWS = 512
_UNIFORM = qmc.Halton(d=4, scramble=False).random(_DRAWS + 1)[1:]


class Target(NamedTuple):
    """What must be found.

    Args:
        margin: half-width of the region of practical equivalence.
        level: probability, over both sides, at which a difference is called one.
    """

    margin: float
    level: float


def find_detectable(
    parts: Components, target: Target, dice: Array | None = None
) -> Array:
    """The true difference that is found with 80 % probability; NaN where unknown.

    Args:
        parts: components of the variance of each difference.
        target: what counts as found.
        dice: of the higher of the two variants; without it, standard errors are the
            same at any Dice.
    """
    error, reach = _draw(parts, target.level)
    beyond = np.quantile(reach - error, POWER, axis=-1)
    beyond /= _shrinkage(parts.unbiased_df)
    size = target.margin + beyond
    if dice is not None:
        for _ in range(_ROUNDS):
            size = target.margin + beyond * _grow(dice, size)
    return np.asarray(size)


def _grow(dice: Array, difference: Array) -> Array:
    """How much larger a standard error is if the lower variant is so much lower."""
    measured = dice * (1 - dice)
    lower = np.clip(dice - difference, 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(measured > 0, lower * (1 - lower) / measured, 1.0)
    return np.asarray(np.sqrt((1 + ratio**2) / 2))


def _shrinkage(df: Array) -> Array:
    """Mean of an estimated standard deviation over the true one."""
    df = np.minimum(df, 1e6)
    logs = special.gammaln((df + 1) / 2) - special.gammaln(df / 2)
    return np.asarray(np.sqrt(2 / df) * np.exp(logs))


def _draw(parts: Components, level: float) -> tuple[Array, Array]:
    """Errors of the estimates of drawn studies, and half-widths of their intervals."""
    normal = special.ndtri(_UNIFORM[:, 0])
    drawn = Components(
        seeds=parts.seeds[..., np.newaxis] * _chi_square(1, parts.seed_df),
        subjects=parts.subjects[..., np.newaxis] * _chi_square(2, parts.subject_df),
        rest=parts.rest[..., np.newaxis] * _chi_square(3, parts.rest_df),
        seed_df=parts.seed_df[..., np.newaxis],
        subject_df=parts.subject_df[..., np.newaxis],
        rest_df=parts.rest_df[..., np.newaxis],
        third=parts.third[..., np.newaxis],
    )
    error = normal * np.sqrt(parts.unbiased)[..., np.newaxis]
    # How well the others are known is that of the study.
    df = match_df(drawn.share, drawn.seed_df, parts.others_df[..., np.newaxis])
    quantile = -special.stdtrit(np.minimum(df, 1e6), level / 2)
    return error, np.asarray(quantile * np.sqrt(drawn.variance), np.float64)


def _chi_square(column: int, df: Array) -> Array:
    """Draws of chi square over its degrees of freedom, one axis more."""
    df = np.maximum(df, 1e-3)[..., np.newaxis]
    return np.asarray(2 * special.gammaincinv(df / 2, _UNIFORM[:, column]) / df)


def plan_domains(
    difference: Array, deviation: Array, domains: int, target: Target
) -> Array:
    """The number of domains that would decide about domains like these.

    Decided is what lies beyond the margin as a whole, or within it as a whole.

    Args:
        difference: mean differences, taken to be the truth.
        deviation: standard deviation of each between domains.
        domains: how many the study has.
        target: what counts as decided.

    Returns:
        The least number of `SIZES` with a power of 80 %; NaN where none has.
    """
    normal, uniform = special.ndtri(_UNIFORM[:, 0]), _UNIFORM[:, 1]
    needed = np.full(difference.shape, np.nan)
    for number in (size for size in SIZES[::-1] if size > domains):
        df = number - 1
        chi_square = 2 * special.gammaincinv(df / 2, uniform) / df
        se = deviation[..., np.newaxis] / np.sqrt(number)
        reach = -special.stdtrit(df, target.level / 2) * se * np.sqrt(chi_square)
        decided = _decide(difference, normal * se, reach, target.margin)
        needed = np.where(decided >= POWER, number, needed)
    return needed


def plan_seeds(
    difference: Array, parts: Components, seeds: int, target: Target
) -> Array:
    """The number of seeds that would decide about the domains of the study.

    Arguments and result are as of `plan_domains`; `parts` has the components of the
    variance of the differences.
    """
    needed = np.full(difference.shape, np.nan)
    for number in (size for size in SIZES[::-1] if size > seeds):
        drawn = _draw(_enlarge(parts, number / seeds, 1.0), target.level)
        decided = _decide(difference, *drawn, target.margin)
        needed = np.where(decided >= POWER, number, needed)
    return needed


def plan_subjects(difference: Array, parts: Components, target: Target) -> Array:
    """How many times as many subjects would decide; see `plan_seeds`."""
    needed = np.full(difference.shape, np.nan)
    for factor in FACTORS[::-1]:
        drawn = _draw(_enlarge(parts, 1.0, factor), target.level)
        decided = _decide(difference, *drawn, target.margin)
        needed = np.where(decided >= POWER, factor, needed)
    return needed


def take_components(parts: Components, places: Sequence[int]) -> Components:
    """The components of some of several estimates."""
    return Components(*(values[list(places)] for values in parts))


def _decide(difference: Array, error: Array, reach: Array, margin: float) -> Array:
    """In which share of drawn studies a difference is found, or found not to matter."""
    size = np.abs(difference)[..., np.newaxis]
    beyond = size + error - reach > margin
    within = np.abs(size + error) + reach <= margin
    return np.asarray(np.where(size > margin, beyond, within).mean(axis=-1))


def _enlarge(parts: Components, seeds: float, subjects: float) -> Components:
    """The components of a study with so many times as many seeds and subjects."""
    rest = parts.rest / (seeds * subjects)
    seed_df = (parts.seed_df + 1) * seeds - 1
    subject_df = parts.subject_df * subjects
    return Components(
        seeds=np.maximum(parts.seeds - parts.rest, 0.0) / seeds + rest,
        subjects=np.maximum(parts.subjects - parts.rest, 0.0) / subjects + rest,
        rest=rest,
        seed_df=seed_df,
        subject_df=subject_df,
        rest_df=parts.rest_df * subjects * seed_df / np.maximum(parts.seed_df, 1),
        third=parts.third,
    )
