r"""How far a scan lies from the scans that a network was trained on.

A scan is a row of numbers x. Its distance from a domain with the mean m is

.. math:: d = \sqrt{\frac1p \sum_j \frac{(x_j - m_j)^2}{s_j^2}}

where s is the standard deviation within domains, one for all domains: a Mahalanobis
distance with a diagonal covariance, because a study has fewer scans than numbers. A
scan like the others is about 1 away from its own domain. The limit is the largest such
distance among the training scans, each measured without itself, times a margin. The
margin is larger where few scans say how large s is, as the tails of a t distribution
are longer than those of a normal one.

References:
    Gonzalez et al., "Distance-based detection of out-of-distribution silent failures
    for Covid-19 lung lesion segmentation", Medical Image Analysis 2022,
    arXiv:2208.03217.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Numbers = NDArray[np.float64]

MARGIN = 1.5
_RARE = 0.01  # the tail that is compared
_FLOOR = 0.02  # of the range of a number: a deviation of a few scans may be 0 by chance
_DECIMALS = 6


class Distance(NamedTuple):
    """How far a scan is from the nearest training domain.

    Args:
        value: about 1 for a scan like the others.
        limit: beyond it the scan is unlike all training scans.
        nearest: name of the domain.
    """

    value: float
    limit: float
    nearest: str

    @property
    def far(self) -> bool:
        """Whether the scan is unlike all training scans."""
        return not self.value <= self.limit  # not-a-number is far


@dataclass(frozen=True)
class TrainingDomains:
    """The training scans as rows of numbers, summarized; no single scan is in it.

    Args:
        means: of each domain, by its name.
        deviation: standard deviation of each number within domains.
        limit: beyond it a scan is unlike all training scans.
    """

    means: Mapping[str, Numbers]
    deviation: Numbers
    limit: float

    @classmethod
    def of(cls, scans: Mapping[str, Sequence[Numbers]]) -> Self | None:
        """The summary of the training scans of each domain.

        Args:
            scans: rows of as many numbers, by domain.

        Returns:
            ``None`` if no domain has two scans.
        """
        rows = {name: np.stack(own) for name, own in scans.items() if len(own) > 1}
        if not rows:
            return None
        means = {name: own.mean(axis=0) for name, own in rows.items()}
        off = np.concatenate([own - means[name] for name, own in rows.items()])
        within = (off**2).sum(axis=0) / (len(off) - len(rows))
        every = np.concatenate(list(rows.values()))
        floor = _FLOOR * (every.max(axis=0) - every.min(axis=0)) + 1e-6
        deviation = np.sqrt(within + floor**2)
        sizes = np.concatenate([np.full(len(own), len(own)) for own in rows.values()])
        away = _root_mean_square(off / deviation) * sizes / (sizes - 1)
        rare = stats.t.isf(_RARE, len(off) - len(rows)) / stats.norm.isf(_RARE)
        return cls(means, deviation, MARGIN * float(rare * away.max()))

    def measure(self, numbers: Numbers) -> Distance:
        """How far a scan is from the nearest domain."""
        away = {
            name: float(_root_mean_square((numbers - mean) / self.deviation))
            for name, mean in self.means.items()
        }
        nearest = min(away, key=lambda name: (not away[name] >= 0, away[name]))
        return Distance(away[nearest], self.limit, nearest)

    def to_json(self) -> dict[str, Any]:
        """The summary as JSON values."""
        return {
            "means": {name: _rounded(mean) for name, mean in self.means.items()},
            "deviation": _rounded(self.deviation),
            "limit": self.limit,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The summary that `to_json` gave.

        Raises:
            ValueError: its rows have different lengths, or numbers are not finite.
        """
        means = {str(k): np.array(v, np.float64) for k, v in values["means"].items()}
        deviation = np.array(values["deviation"], np.float64)
        limit = float(values["limit"])
        same = all(mean.shape == deviation.shape for mean in means.values())
        known = all(np.isfinite(row).all() for row in (*means.values(), deviation))
        if not (
            means and same and known and deviation.ndim == 1 and (deviation > 0).all()
        ):
            raise ValueError("no summary of training scans")
        return cls(means, deviation, limit)


def _root_mean_square(rows: Numbers) -> Numbers:
    """Over the last axis."""
    return np.asarray(np.sqrt((rows**2).mean(axis=-1)))


def _rounded(row: Numbers) -> list[float]:
    """Numbers with a few digits."""
    return [float(f"{value:.{_DECIMALS}g}") for value in row]
