r"""Scans that lie far below the others of their domain, and the mean without them.

An interval says how far a mean would move with other subjects. If a few scans make the
mean, such as failures on a few hard subjects, a reader should know how many.

A scan lies far below where its Dice, the mean over seeds, has a modified z-score
beyond 3.5:

.. math:: 0.6745\,(m_d - x) > 3.5\,\mathrm{MAD}

with the median :math:`m_d` of its domain, and the median absolute deviation from these
medians over the scans of all domains: a domain may have few scans.

References:
    Iglewicz and Hoaglin, "How to Detect and Handle Outliers", ASQC Basic References in
    Quality Control 16, 1993.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LIMIT = 3.5
_NORMAL = 0.6745  # third quartile of a standard normal: the MAD of one
_ROUNDING = 1e-9  # scores that differ by less are equal


class WithoutFar(NamedTuple):
    """How many scans lie far below the others, and the mean over domains without them.

    Args:
        scans: how many.
        dice: the mean without them; NaN if there are none.
    """

    scans: int
    dice: float


def leave_far_out(dice: Array, members: Sequence[NDArray[np.intp]]) -> WithoutFar:
    """Find the scans that lie far below, and take the mean of the others.

    Args:
        dice: of each scan and seed, ``(S, K)``; NaN where there is none.
        members: positions of the scans of each domain that counts.

    Examples:
        >>> scores = np.array([[0.9], [0.92], [0.88], [0.91], [0.2]])
        >>> without = leave_far_out(scores, [np.arange(5)])
        >>> without.scans, round(without.dice, 4)
        (1, 0.9025)
    """
    known = np.isfinite(dice)
    count = known.sum(axis=1)
    total = np.where(known, dice, 0.0).sum(axis=1)
    by_scan = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    below = np.full(len(dice), np.nan)
    for scans in members:
        own = scans[count[scans] > 0]
        if len(own):
            below[own] = np.median(by_scan[own]) - by_scan[own]
    tested = np.isfinite(below)
    if not tested.any():
        return WithoutFar(0, np.nan)
    deviation = np.median(np.abs(below[tested]))
    far = _NORMAL * below > _LIMIT * np.maximum(deviation, _ROUNDING)
    if not far.any():
        return WithoutFar(0, np.nan)
    kept = [scans[~far[scans]] for scans in members]
    # The scan at the median of a domain is never far below it.
    means = [total[scans].sum() / count[scans].sum() for scans in kept]
    return WithoutFar(int(far.sum()), float(np.mean(means)))
