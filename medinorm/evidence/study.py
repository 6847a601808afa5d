"""A study as its tables see it: scores on shared axes, and its replicates.

Means are taken over labels, then over the scans and seeds of a domain, then over
domains, which weigh equally. Every table is computed on the same replicates of the
study, so that whatever is compared is compared on the same scans, subjects and seeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medinorm.config import EvidenceConfig
from medinorm.domain import DomainNoun
from medinorm.evidence.bootstrap import (
    Array,
    Estimate,
    Replicates,
    domain_means,
    weigh,
)
from medinorm.evidence.cases import (
    Axes,
    Scores,
    find_axes,
    gather_scores,
    replicate_study,
    select_design,
)

Cells = Mapping[str, object]


@dataclass(frozen=True)
class Study:
    """All that the tables are computed from.

    Args:
        cases: all cases.
        axes: their axes.
        replicates: the replicates, shared by all variants and tables.
        pooled: cases of the pooled networks, on domains they saw.
        lodo: cases of the leave-one-domain-out networks, on the domain they left out.
        settings: confidence, equivalence.
        noun: what a domain is called.
    """

    cases: pd.DataFrame
    axes: Axes
    replicates: Replicates
    pooled: Scores
    lodo: Scores
    settings: EvidenceConfig
    noun: DomainNoun

    @classmethod
    def of(
        cls, cases: pd.DataFrame, settings: EvidenceConfig, noun: DomainNoun
    ) -> "Study":
        """The study that these cases make."""
        axes = find_axes(cases)
        pooled = select_design(cases, "pooled", in_domain=True)
        lodo = select_design(cases, "lodo", in_domain=False)
        return cls(
            cases=cases,
            axes=axes,
            replicates=replicate_study(axes, settings.resamples, settings.seed),
            pooled=gather_scores(pooled, axes),
            lodo=gather_scores(lodo, axes),
            settings=settings,
            noun=noun,
        )

    @property
    def held_out(self) -> list[int]:
        """Positions of the domains that some network left out and was tested on."""
        return present_domains(self.lodo)

    def means(self, values: Array) -> Array:
        """Domain means in each replicate, ``(..., S, K)`` to ``(..., D, R)``."""
        return domain_means(values, self.replicates, self.axes.members)

    def weigh(self, replicated: Array) -> Estimate:
        """Value, interval and test of what was computed in each replicate."""
        return weigh(replicated, self.replicates, self.settings.confidence)

    def complete_seeds(self) -> NDArray[np.int64]:
        """For each variant, how many seeds were tested on every out-of-domain scan."""
        seen = self.lodo.seen[:, -1]
        tested: NDArray[np.bool_] = np.any(seen, axis=(0, 2))
        complete: NDArray[np.int64] = seen[:, tested].all(axis=1).sum(axis=1)
        return complete if tested.any() else np.zeros_like(complete)


def present_domains(scores: Scores) -> list[int]:
    """Positions of the domains on which any variant has a score."""
    scored = np.isfinite(scores.dice)
    return [
        place
        for place, scans in enumerate(scores.axes.members)
        if scored[:, :, scans].any()
    ]


def over_domains(means: Array) -> Array:
    """Mean over domains, ``(..., D, R)`` to ``(..., R)``; NaN if one is missing."""
    if means.shape[-2] == 0:
        return np.full((*means.shape[:-2], means.shape[-1]), np.nan)
    return np.asarray(means.mean(axis=-2))


def common_scans(one: Array, other: Array) -> tuple[Array, Array]:
    """Two arrays ``(..., S, K)`` with only those scans that both have scores of."""
    scored = [np.isfinite(x).any(axis=-1, keepdims=True) for x in (one, other)]
    both = scored[0] & scored[1]
    return np.where(both, one, np.nan), np.where(both, other, np.nan)


def count_cases(
    scores: Scores, index: tuple[int, ...], scans: NDArray[np.intp]
) -> dict[str, int]:
    """Counts of one variant and label on some scans.

    Args:
        scores: all scores of the design.
        index: positions of variant and label.
        scans: positions of the scans.
    """
    seen = scores.seen[index][scans]
    return {
        "scans": int(seen.any(axis=1).sum()),
        "seeds": int(seen.any(axis=0).sum()),
        "failures": int(scores.failed[index][scans].sum()),
        "empty": int((seen & np.isnan(scores.dice[index][scans])).sum()),
    }


def interval_cells(
    name: str, found: Estimate, index: tuple[int, ...], *, share: bool = False
) -> dict[str, float]:
    """The three cells of an estimate.

    Args:
        name: of the estimate.
        found: all estimates.
        index: which of them.
        share: whether it lies between 0 and 1; then its interval does too.
    """
    low, high = (0.0, 1.0) if share else (-np.inf, np.inf)
    return {
        name: float(found.value[index]),
        f"{name}_low": float(np.maximum(found.low[index], low)),
        f"{name}_high": float(np.minimum(found.high[index], high)),
    }
