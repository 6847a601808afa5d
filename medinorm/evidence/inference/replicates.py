"""Replicates of a study: resamples, and the study without a seed, a subject, or both.

How they are drawn, and why so, is said in `medinorm.evidence.bootstrap`.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Replicates:
    """Replicates of a study, in this order.

    The study itself; the resamples; the study without each seed; without each subject,
    in the order of the strata; without each pair of a subject and a seed, subject by
    subject.

    Args:
        scans: weights of the scans in the study and the resamples, ``(S, 1 + B)``.
        seeds: weights of the seeds in the same, ``(K, 1 + B)``.
        resamples: number of bootstrap resamples, B.
        left_out: number of seeds, then of subjects of each stratum.
        people: subject of each scan, a position in the order of the strata, ``(S,)``.
    """

    scans: Array
    seeds: Array
    resamples: int
    left_out: tuple[int, ...]
    people: NDArray[np.intp]

    @property
    def after(self) -> int:
        """Where the replicates that leave out begin."""
        return 1 + self.resamples

    @property
    def pairs(self) -> slice:
        """Where the replicates without both a subject and a seed are."""
        return slice(self.after + sum(self.left_out), None)


def draw_replicates(
    subjects: Sequence[str],
    domains: Sequence[str],
    seeds: int,
    resamples: int,
    rng: np.random.Generator,
) -> Replicates:
    """Draw the replicates of a study.

    Args:
        subjects: subject of each scan, length S.
        domains: domain of each scan, length S.
        seeds: number of seeds of training, K.
        resamples: number of bootstrap resamples.
        rng: source of randomness.
    """
    seen_on: dict[str, set[str]] = {}
    for subject, domain in zip(subjects, domains, strict=True):
        seen_on.setdefault(subject, set()).add(domain)
    names = list(seen_on)
    strata = _stratify(list(seen_on.values()))
    order = [position for members in strata for position in members]
    rank = {names[position]: place for place, position in enumerate(order)}
    people = np.array([rank[subject] for subject in subjects], dtype=np.intp)
    by_seed = _resample([range(seeds)], resamples, rng)
    by_subject = _resample(strata, resamples, rng)
    return Replicates(
        scans=by_subject[np.array(order, dtype=np.intp)[people]],
        seeds=by_seed,
        resamples=resamples,
        left_out=(seeds, *map(len, strata)),
        people=people,
    )


def _group(keys: Iterable[Hashable]) -> list[list[int]]:
    """Positions of equal keys, in order of first appearance."""
    groups: dict[Hashable, list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault(key, []).append(position)
    return list(groups.values())


def _stratify(seen_on: Sequence[set[str]]) -> list[list[int]]:
    """Positions of the subjects of each stratum.

    A stratum that still has one subject shares no domain with another stratum. The
    variance on its domains cannot be known, because nothing is left without it.

    Args:
        seen_on: the domains of each subject.
    """
    strata = _group(map(frozenset, seen_on))
    reach = [set(seen_on[members[0]]) for members in strata]
    position = 0
    while position < len(strata):
        near = [
            place
            for place, domains in enumerate(reach)
            if place != position and domains & reach[position]
        ]
        if len(strata[position]) > 1 or not near:
            position += 1
            continue
        smallest = min(near, key=lambda place: len(strata[place]))
        strata[smallest] += strata[position]
        reach[smallest] |= reach[position]
        del strata[position], reach[position]
    return strata


def _resample(
    strata: Sequence[Sequence[int]], resamples: int, rng: np.random.Generator
) -> Array:
    """How often each unit counts: n - 1 draws of n, scaled to the stratum's size.

    The only unit of a stratum always counts once. The study itself comes first, in
    which each unit counts once.
    """
    weights = np.ones((sum(map(len, strata)), 1 + resamples))
    for members in strata:
        n = len(members)
        if n > 1:
            counts = rng.multinomial(n - 1, np.full(n, 1 / n), size=resamples)
            weights[members, 1:] = counts.T * (n / (n - 1))
    return weights
