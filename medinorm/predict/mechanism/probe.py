r"""How well the domain of a scan can be read from the features of a network.

A linear probe: features are whitened (with a ridge as large as their mean variance, as
there are more features than scans), and a scan is given to the domain with the nearest
mean. Whitening sees no domain. The means are of all subjects but that of the scan.

A mean of n subjects is off by :math:`v/n` on average, with the variance v of a subject.
The mean of the scan's own domain has lost the subject, and would lie farther away than
the others by chance: :math:`v/n` is taken from each squared distance. Without this, a
probe on noise is right less often than chance.

The probe describes a network. Nothing is selected by it, neither a variant nor a step
of training.

References:
    Alain and Bengio, "Understanding intermediate layers using linear classifier
    probes", 2016, arXiv:1610.01644.
    Friedman, "Regularized discriminant analysis", JASA 1989,
    doi:10.1080/01621459.1989.10478752.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


def guess_domains(features: Array, domains: Codes, subjects: Codes) -> Codes:
    """The domain that the features of each scan show, by the scans of other subjects.

    Args:
        features: of each scan, ``(n, F)``.
        domains: number of the domain of each scan, from 0, ``(n,)``.
        subjects: number of its subject, ``(n,)``.

    Returns:
        Numbers of domains, ``(n,)``; -1 where the other subjects lack a domain.

    Examples:
        >>> apart = np.array([[0.0], [0.1], [5.0], [5.1]])
        >>> guess_domains(apart, np.array([0, 0, 1, 1]), np.arange(4)).tolist()
        [0, 0, 1, 1]
    """
    white = whiten(features)
    # Scans of one subject on one domain are one observation.
    pairs, cell = np.unique(np.stack([domains, subjects]), axis=1, return_inverse=True)
    sums = np.stack([np.bincount(cell, column) for column in white.T], axis=1)
    cells = sums / np.bincount(cell)[:, np.newaxis]
    variance = float(cells.var(axis=0, ddof=1).sum()) if len(cells) > 1 else 0.0
    member = pairs[0] == np.arange(int(domains.max()) + 1)[:, np.newaxis]
    guesses = np.full(len(white), -1, dtype=np.intp)
    for subject in np.unique(subjects):
        own = subjects == subject
        kept = (member & (pairs[1] != subject)).astype(np.float64)
        count = kept.sum(axis=1)
        if not count.all():
            continue
        means = kept @ cells / count[:, np.newaxis]
        off = white[own][:, np.newaxis] - means
        distance = np.sum(off**2, axis=2) - variance / count
        guesses[own] = distance.argmin(axis=1)
    return guesses


def whiten(features: Array) -> Array:
    """Features without correlation, with a ridge of their mean variance.

    Features that do not vary are left out; the others count the same at first.

    Args:
        features: ``(n, F)``.

    Returns:
        Coordinates along the principal axes, ``(n, r)``.
    """
    size = np.abs(features).max(axis=0, initial=0.0)
    varies = np.ptp(features, axis=0) > 1e-5 * size if len(features) else size > 0
    own = features[:, varies]
    if not own.shape[1]:
        return np.zeros((len(features), 1))
    own = (own - own.mean(axis=0)) / own.std(axis=0)
    axes, singular, _ = np.linalg.svd(own, full_matrices=False)
    variances = singular**2 / len(own)
    ridge = variances.sum() / len(own)
    return np.asarray(axes * singular / np.sqrt(variances + ridge))
