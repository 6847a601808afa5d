r"""Degrees of freedom of a variance of which one part rests on few units.

The variance of an estimate is a sum, :math:`V = V_1 + V_2`: what few seeds contribute,
and the rest. Both are estimated, with :math:`\nu_1` and :math:`\nu_2` degrees of
freedom (the Behrens-Fisher problem). Satterthwaite's degrees of freedom take the
estimated shares for the true ones. With three seeds (:math:`\nu_1 = 2`) their part
comes out at less than a tenth of its true size in one study of ten. Then the variance
is too small, and the degrees of freedom are too many as well: the interval is too short
twice.

Here the quantile is that of the posterior under the prior whose intervals have the
frequentist coverage to second order. With variances :math:`s_1, s_2` as estimated, it
is a mixture: :math:`V_i = \nu_i s_i / \chi^2_{\nu_i}`, but for one of the two parts,
which has two degrees of freedom more and the same sum of squares: the first with
probability :math:`s_2 / (s_1 + s_2)`, else the second. (The prior is
:math:`(V_1 + V_2) / (V_1 V_2)^2`; relative to that of Jeffreys, which leads to Fisher's
solution, it weights the posterior by :math:`1/V_1 + 1/V_2`.) Where one part is all, it
is Student's t.

The answer is given as the degrees of freedom with which Student's t has the same
quantile at 95 %, so that an interval is :math:`m \pm t_\nu \sqrt{V}` as ever.

References:
    Ghosh and Kim, "The Behrens-Fisher problem revisited: a Bayes-frequentist
    synthesis", Canadian Journal of Statistics 29, 2001, pages 5-17.
    Mukerjee and Ghosh, "Second-order probability matching priors", Biometrika 1997,
    doi:10.1093/biomet/84.4.970.
    Satterthwaite, "An approximate distribution of estimates of variance components",
    Biometrics Bulletin 1946, doi:10.2307/3002019.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

_TAIL = 0.05  # both sides together
_MOST = 1e6  # degrees of freedom that are as good as infinite
_STEPS = 8
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(20)
# Chi square is integrated over its probability, with most points near 0: there the
# variance is large.
_SIDE = (_POINTS + 1) / 2
_UNIFORM = _SIDE**3
_MASS = 3 * _SIDE**2 * _WEIGHTS / 2

SHARES = np.linspace(0.0, 1.0, 33)
"""Shares of the first part that are computed; between them lie straight lines."""

MANY = 1 / np.array([_MOST, 100.0, 40.0, 20.0, 12.0, 8.0, 5.0, 3.0, 2.0, 1.5, 1.0])
"""The same of the inverse degrees of freedom of the second part."""


def match_df(share: Array, few: Array, many: Array) -> Array:
    """Degrees of freedom of a variance of two parts.

    Args:
        share: of the variance, that of the first part, 0 to 1; any shape.
        few: degrees of freedom of the first part.
        many: of the second, at least 1.

    Returns:
        NaN where an argument is.

    Examples:
        >>> share = np.array([0.0, 0.5, 1.0])
        >>> match_df(share, np.full(3, 2.0), np.full(3, 20.0)).round(1)
        array([20. ,  4.9,  2. ])
    """
    share, few, many = np.broadcast_arrays(share, few, many)
    df = np.full(share.shape, np.nan)
    for number in np.unique(few[np.isfinite(few)]).tolist():
        own = (few == number) & np.isfinite(share) & ~np.isnan(many)
        inverse = 1 / np.minimum(many[own], _MOST)
        df[own] = 1 / _interpolate(_tabulate(number), share[own], inverse)
    return df


def _interpolate(table: Array, share: Array, inverse: Array) -> Array:
    """Values of a table between its rows (shares) and columns (inverse degrees)."""
    rows, columns = (
        np.clip(np.searchsorted(grid, values, side="right") - 1, 0, len(grid) - 2)
        for grid, values in ((SHARES, share), (MANY, inverse))
    )
    right, down = (
        np.clip((values - grid[at]) / (grid[at + 1] - grid[at]), 0.0, 1.0)
        for grid, values, at in ((MANY, inverse, columns), (SHARES, share, rows))
    )
    upper, lower = (
        table[at, columns] * (1 - right) + table[at, columns + 1] * right
        for at in (rows, rows + 1)
    )
    return np.asarray(upper * (1 - down) + lower * down)


@lru_cache(maxsize=64)
def _tabulate(few: float) -> Array:
    """Inverse degrees of freedom for each of `SHARES` and `MANY`."""
    grid = np.meshgrid(SHARES, 1 / MANY, indexing="ij")
    share, many = (one.ravel() for one in grid)
    return 1 / _solve(share, min(few, _MOST), many).reshape(grid[0].shape)


def _solve(share: Array, few: float, many: Array) -> Array:
    """Degrees of freedom, each found by itself; arrays of one axis."""
    variances, masses = _draw_variances(share, few, many)
    naive = 1 / (share**2 / few + (1 - share) ** 2 / many)
    quantile = special.stdtrit(naive, 1 - _TAIL / 2)
    for _ in range(_STEPS):  # Newton on logarithms, where the tail is nearly a line
        ratio = quantile[:, np.newaxis] / np.sqrt(variances)
        tail = 2 * np.sum(masses * special.ndtr(-ratio), axis=1)
        density = np.exp(-(ratio**2) / 2) / np.sqrt(2 * np.pi)
        slope = 2 * np.sum(masses * density * ratio, axis=1) / tail
        quantile *= np.exp(np.clip(np.log(tail / _TAIL) / slope, -1.0, 1.0))
    least = special.stdtrit(_MOST, 1 - _TAIL / 2)
    return np.asarray(special.stdtridf(1 - _TAIL / 2, np.maximum(quantile, least)))


def _draw_variances(share: Array, few: float, many: Array) -> tuple[Array, Array]:
    """The posterior of a variance whose estimate is 1: ``(n, points)``, and masses."""
    mass = np.outer(_MASS, _MASS)
    variances, masses = [], []
    for extra, chance in (((2.0, 0.0), 1 - share), ((0.0, 2.0), share)):
        first = np.outer(share, _invert_chi_square(np.array([few]), extra[0])[0])
        second = (1 - share)[:, np.newaxis] * _invert_chi_square(many, extra[1])
        both = first[:, :, np.newaxis] + second[:, np.newaxis]
        variances.append(both.reshape(len(share), -1))
        masses.append(np.outer(chance, mass))
    return np.concatenate(variances, axis=1), np.concatenate(masses, axis=1)


def _invert_chi_square(df: Array, extra: float) -> Array:
    """Degrees of freedom over chi square with `extra` more of them, at each point."""
    own = df[:, np.newaxis]
    return np.asarray(own / (2 * special.gammaincinv((own + extra) / 2, _UNIFORM)))
