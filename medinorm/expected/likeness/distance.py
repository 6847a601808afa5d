r"""How far a scan lies from the scans that a network was trained on.

A scan is a row of p numbers x. Its distance from a domain with the mean m is that of
Mahalanobis,

.. math:: d = \sqrt{\tfrac1p (x - m)^T \Sigma^{-1} (x - m)}

where :math:`\Sigma` is the covariance within domains, one for all domains. A study has
few scans for so many numbers: their correlations are shrunk towards 0, as far as they
are uncertain. A scan like the others is about 1 away from its own domain.

The limit says how often a scan of a known domain is beyond it. Each training scan is
measured by the scans of other subjects. Of n such distances the limit is the one of
rank :math:`\lceil (1 - a) (n + 1) \rceil`: then a further scan of these domains is
beyond it in a share of about a, whatever the distribution (conformal prediction). Where
there are too few scans for such a rank, the limit is at least the largest distance, and
the end of a prediction interval for its logarithm.

What a study knows of scans beyond the limit it knows from domains that it left out:
`reach` is the largest distance that a training scan has from the other domains.

References:
    Lee, Lee, Lee and Shin, "A simple unified framework for detecting
    out-of-distribution samples and adversarial attacks", NeurIPS 2018,
    arXiv:1807.03888.
    Gonzalez et al., "Distance-based detection of out-of-distribution silent failures
    for Covid-19 lung lesion segmentation", Medical Image Analysis 2022,
    arXiv:2208.03217.
    Schäfer and Strimmer, "A shrinkage approach to large-scale covariance matrix
    estimation and implications for functional genomics", Statistical Applications in
    Genetics and Molecular Biology 2005, doi:10.2202/1544-6115.1175.
    Vovk, Gammerman and Shafer, "Algorithmic learning in a random world", Springer 2005,
    doi:10.1007/b106715.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Numbers = NDArray[np.float64]

ALARMS = 0.05  # share of scans of known domains that may be beyond the limit
_FLOOR = 0.02  # of the range of a number: a deviation of a few scans may be 0 by chance
_LEAST_SHRUNK = 0.05
_TINY = 1e-6
_DECIMALS = 6


class Distance(NamedTuple):
    """How far a scan is from the nearest training domain.

    Args:
        value: about 1 for a scan like the others.
        limit: beyond it the scan is unlike all training scans.
        nearest: name of the domain.
        reach: beyond it, it is also unlike all domains that the study has left out.
    """

    value: float
    limit: float
    nearest: str
    reach: float = 0.0

    @property
    def far(self) -> bool:
        """Whether the scan is unlike all training scans."""
        return not self.value <= self.limit  # not-a-number is far

    @property
    def strange(self) -> bool:
        """Whether the study has seen nothing like it, not even in domains left out."""
        return not self.value <= max(self.limit, self.reach)


@dataclass(frozen=True)
class _ScanNumbers:
    """Scans as rows of numbers, with the domain and the subject of each."""

    numbers: Numbers
    domains: NDArray[np.str_]
    subjects: NDArray[np.str_]

    @classmethod
    def of(
        cls,
        scans: Mapping[str, Sequence[Numbers]],
        subjects: Mapping[str, Sequence[str]] | None,
    ) -> Self:
        """The scans of all domains that have more than one."""
        usable = {name: own for name, own in scans.items() if len(own) > 1}
        who = subjects or {
            name: [f"{name} {number}" for number in range(len(own))]
            for name, own in usable.items()
        }
        return cls(
            np.array([row for own in usable.values() for row in own], np.float64),
            np.array([name for name, own in usable.items() for _ in own], np.str_),
            np.array([one for name in usable for one in who[name]], np.str_),
        )

    def where(self, chosen: NDArray[np.bool_]) -> "_ScanNumbers":
        """Some of the scans."""
        return _ScanNumbers(
            self.numbers[chosen], self.domains[chosen], self.subjects[chosen]
        )


@dataclass(frozen=True)
class TrainingDomains:
    """The training scans as rows of numbers, summarized; no single scan is in it.

    Args:
        means: of each domain, by its name.
        deviation: standard deviation of each number within domains.
        axes: directions in which scans of a domain differ, of unit length, one a row,
            in units of the deviation.
        shares: variance along each of them, likewise.
        shrunk: how far correlations are drawn towards 0, from 0 to 1.
        limit: beyond it a scan is unlike all training scans.
        reach: the largest distance of a training scan from the other domains; 0 with
            one domain.
        recognized: share of the training scans that are beyond the limit if their
            domain is left out; ``None`` with one domain.
    """

    means: Mapping[str, Numbers]
    deviation: Numbers
    axes: Numbers
    shares: Numbers
    shrunk: float
    limit: float = math.inf
    reach: float = 0.0
    recognized: float | None = None

    @classmethod
    def of(
        cls,
        scans: Mapping[str, Sequence[Numbers]],
        subjects: Mapping[str, Sequence[str]] | None = None,
        alarms: float = ALARMS,
    ) -> Self | None:
        """The summary of the training scans of each domain.

        Args:
            scans: rows of as many numbers, by domain.
            subjects: of each scan; without them each scan is of another one.
            alarms: share of further scans of these domains that may be beyond the
                limit.

        Returns:
            ``None`` if no domain has two scans.
        """
        rows = _ScanNumbers.of(scans, subjects)
        if not len(rows.numbers):
            return None
        limit = _find_limit(cls._measure_apart(rows, rows.subjects), alarms)
        unseen = cls._measure_apart(rows, rows.domains)
        return replace(
            cls._fit(rows),
            limit=limit,
            reach=max(unseen, default=0.0),
            recognized=float(np.mean(np.array(unseen) > limit)) if unseen else None,
        )

    @classmethod
    def _fit(cls, rows: _ScanNumbers) -> Self:
        """The summary of some scans, without limits."""
        names = list(dict.fromkeys(rows.domains.tolist()))
        means = {n: rows.numbers[rows.domains == n].mean(axis=0) for n in names}
        off = rows.numbers - np.stack([means[name] for name in rows.domains.tolist()])
        freedom = max(len(off) - len(names), 1)
        floor = _FLOOR * np.ptp(rows.numbers, axis=0) + _TINY
        deviation = np.sqrt((off**2).sum(axis=0) / freedom + floor**2)
        scaled = off / deviation
        _, lengths, axes = np.linalg.svd(scaled, full_matrices=False)
        shrunk = _find_shrinkage(scaled, freedom)
        return cls(means, deviation, axes, lengths**2 / freedom, shrunk)

    @classmethod
    def _measure_apart(
        cls, rows: _ScanNumbers, groups: NDArray[np.str_]
    ) -> list[float]:
        """The distance of each scan from the scans of other groups."""
        distances: list[float] = []
        for group in dict.fromkeys(groups.tolist()):
            inside = groups == group
            others = rows.where(~inside)
            if len(set(others.domains.tolist())) < len(others.domains):
                known = cls._fit(others)
                distances += [known.measure(own).value for own in rows.numbers[inside]]
        return distances

    def measure(self, numbers: Numbers) -> Distance:
        """How far a scan is from the nearest domain."""
        away = {
            name: self._measure_off((numbers - mean) / self.deviation)
            for name, mean in self.means.items()
        }
        nearest = min(away, key=lambda name: (not away[name] >= 0, away[name]))
        return Distance(away[nearest], self.limit, nearest, self.reach)

    def _measure_off(self, off: Numbers) -> float:
        """The length of a difference, in units of the deviation."""
        if not np.isfinite(off).all():
            return math.nan
        along = (self.axes @ off) ** 2
        across = max(float(off @ off - along.sum()), 0.0)
        variances = (1 - self.shrunk) * self.shares + self.shrunk
        square = float((along / variances).sum()) + across / self.shrunk
        return math.sqrt(square / off.size)

    def to_json(self) -> dict[str, Any]:
        """The summary as JSON values."""
        return {
            "means": {name: _rounded(mean) for name, mean in self.means.items()},
            "deviation": _rounded(self.deviation),
            "axes": [_rounded(axis) for axis in self.axes],
            "shares": _rounded(self.shares),
            "shrunk": self.shrunk,
            "limit": self.limit,
            "reach": self.reach,
            "recognized": self.recognized,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The summary that `to_json` gave.

        Raises:
            ValueError: its rows have different lengths, or numbers are impossible.
        """
        read = cls(
            means={str(k): np.array(v, np.float64) for k, v in values["means"].items()},
            deviation=np.array(values["deviation"], np.float64),
            axes=np.array(values["axes"], np.float64),
            shares=np.array(values["shares"], np.float64),
            shrunk=float(values["shrunk"]),
            limit=float(values["limit"]),
            reach=float(values["reach"]),
            recognized=_read_share(values["recognized"]),
        )
        read._check()
        return read

    def _check(self) -> None:
        """Refuse a summary that no study makes.

        Raises:
            ValueError: it is refused.
        """
        shape = self.deviation.shape
        rows = (*self.means.values(), self.deviation, self.axes, self.shares)
        if (
            not self.means
            or len(shape) != 1
            or any(mean.shape != shape for mean in self.means.values())
            or self.axes.shape != (len(self.shares), *shape)
            or not all(np.isfinite(row).all() for row in rows)
            or not ((self.deviation > 0).all() and (self.shares >= 0).all())
            or not 0 < self.shrunk <= 1
            or not all(0 <= end < math.inf for end in (self.limit, self.reach))
        ):
            raise ValueError("no summary of training scans")


def _find_shrinkage(scaled: Numbers, freedom: int) -> float:
    """How far correlations are to be drawn towards 0: as far as they are uncertain."""
    count = len(scaled)
    apart = ~np.eye(scaled.shape[1], dtype=bool)
    products = scaled.T @ scaled
    squares = (scaled**2).T @ scaled**2
    variances = (squares - products**2 / count) * count / max(count - 1, 1) ** 3
    total = float(((products[apart] / freedom) ** 2).sum())
    share = float(variances[apart].sum()) / total if total else 1.0
    return min(max(share, _LEAST_SHRUNK), 1.0)


def _find_limit(distances: Sequence[float], alarms: float) -> float:
    """The distance that a further one exceeds in a share of `alarms` at most."""
    count = len(distances)
    rank = math.ceil((count + 1) * (1 - alarms))
    ordered = sorted(distances)
    if rank <= count:
        return ordered[rank - 1]
    logs = np.log(np.maximum(ordered, _TINY))
    if count < 2:
        return float(np.exp(logs).sum() or 1.0) * 2
    reach = stats.t.isf(alarms, count - 1) * logs.std(ddof=1) * math.sqrt(1 + 1 / count)
    return max(ordered[-1], float(np.exp(logs.mean() + reach)))


def _read_share(value: Any) -> float | None:
    """A share, or none."""
    return None if value is None else float(value)


def _rounded(row: Numbers) -> list[float]:
    """Numbers with a few digits."""
    return [float(f"{value:.{_DECIMALS}g}") for value in row]
