r"""What a study of this size can find, and how large one would have to be.

Nothing here is a formula for power. Studies are drawn from the fitted components of the
variance: the estimate varies with their sum, and each mean square is
:math:`\sigma^2 \chi^2_\nu / \nu`. Each drawn study is judged as the real one is, with
its own standard error and degrees of freedom. The draws are the same for all
comparisons, and are spread evenly (Halton), so that few are enough.

The components are themselves estimates, and the answer is as uncertain as they are. In
simulated studies (`benchmarks/statistics.py`) the power at the answer is 75 to 85 %.
Because power falls faster than it rises, slightly more is asked for than 80 %.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.stats import qmc

from medinorm.evidence.inference.components import Components

Array = NDArray[np.float64]

POWER = 0.81
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


def find_detectable(parts: Components, target: Target) -> Array:
    """The true difference that is found with 80 % probability; NaN where unknown.

    Args:
        parts: components of the variance of each difference.
        target: what counts as found.
    """
    error, reach = _draw(parts, target.level)
    needed = target.margin + reach - error
    return np.asarray(np.quantile(needed, POWER, axis=-1))


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
    quantile = -special.stdtrit(np.minimum(drawn.df, 1e6), level / 2)
    return error, np.asarray(quantile * np.sqrt(drawn.variance), np.float64)


def _chi_square(column: int, df: Array) -> Array:
    """Draws of chi square over its degrees of freedom, one axis more."""
    df = np.maximum(df, 1e-3)[..., np.newaxis]
    return np.asarray(2 * special.gammaincinv(df / 2, _UNIFORM[:, column]) / df)
