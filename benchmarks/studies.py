"""Simulated studies whose truth is known: what `benchmarks/statistics.py` draws.

Dice is logit-normal. On the logit scale a score is a sum: the level of the variant, the
domain, the domain for this variant, the subject, the subject for this variant, the seed
for this variant, the network (one for each variant, seed and held-out domain), the seed
for this subject, and what remains. A share of the scores are failures, and a share of
the subjects is hard. Standard deviations are given in Dice at the level of the study.
The truth comes from quadrature over all that other seeds and subjects would change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from medinorm.config import EvidenceConfig
from medinorm.domain_noun import DomainNoun
from medinorm.evidence.score_arrays import Axes, ScoreArrays, replicate_study
from medinorm.evidence.study_scores import StudyScores
from medinorm.records.metrics import METRICS
from medinorm.variant import Variant

Array = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)


@dataclass(frozen=True)
class Setting:
    """The size of a study, and what varies in it.

    Args:
        name: what readers call it.
        variants: how many are compared.
        subjects: on each domain, one scan each.
        seeds: of training.
        level: Dice at the centre of the logit scale.
        domain: standard deviation between domains, in Dice at the level; so are all
            that follow.
        domain_variant: of domains for one variant.
        subject: between subjects.
        subject_variant: of subjects for one variant.
        seed_variant: of seeds for one variant, on all domains.
        network: of the networks of one variant and held-out domain.
        seed_subject: of seeds for one subject, in all variants.
        residual: of single scores.
        failures: share of scores that are 0.
        hard: share of subjects that are hard.
        hardness: how much lower hard subjects are, on the logit scale.
        shifts: true differences of Dice of the first variants from the others.
    """

    name: str
    variants: int = 4
    subjects: Sequence[int] = (6, 6, 6)
    seeds: int = 3
    level: float = 0.80
    domain: float = 0.04
    domain_variant: float = 0.0
    subject: float = 0.05
    subject_variant: float = 0.02
    seed_variant: float = 0.0
    network: float = 0.02
    seed_subject: float = 0.01
    residual: float = 0.02
    failures: float = 0.0
    hard: float = 0.0
    hardness: float = 2.5
    shifts: Sequence[float] = ()

    @property
    def slope(self) -> float:
        """Dice per unit of the logit scale at the level."""
        return self.level * (1 - self.level)

    @property
    def within(self) -> float:
        """Standard deviation, on the logit scale, of what seeds and subjects change."""
        parts = (
            *(self.subject, self.subject_variant, self.seed_variant),
            *(self.network, self.seed_subject, self.residual),
        )
        return float(np.sqrt(np.sum(np.square(parts)))) / self.slope

    def expect(self, centre: Array | float, extra: float = 0.0) -> Array:
        """Expected Dice over seeds and subjects (and `extra`, on the logit scale).

        Args:
            centre: logit of a variant on a domain, any shape.
            extra: a further standard deviation.
        """
        deviation = np.hypot(self.within, extra)
        logits = np.asarray(centre)[..., np.newaxis] + deviation * _NODES
        weights = _WEIGHTS / _WEIGHTS.sum()
        easy, hard = expit(logits) @ weights, expit(logits - self.hardness) @ weights
        return (1 - self.failures) * ((1 - self.hard) * easy + self.hard * hard)

    @cached_property
    def centres(self) -> Array:
        """Logit of each variant, so that the true means differ by `shifts`."""
        spread = self.between
        base = float(logit(self.level))
        of_base = float(self.expect(base, spread))
        shifts = np.zeros(self.variants)
        shifts[: len(self.shifts)] = self.shifts
        return np.array(
            [
                brentq(
                    lambda x, aim=of_base + shift: float(self.expect(x, spread)) - aim,
                    base - 6,
                    base + 6,
                )
                for shift in shifts
            ]
        )

    @property
    def between(self) -> float:
        """Standard deviation between domains, on the logit scale."""
        return float(np.hypot(self.domain, self.domain_variant)) / self.slope

    def with_shifts(self, *shifts: float) -> "Setting":
        """The same setting with other true differences."""
        return replace(self, shifts=shifts)


@dataclass(frozen=True)
class SimulatedStudy:
    """A study and its truth.

    Args:
        study: as evidence takes it.
        here: expected Dice of each variant on each domain of the study, ``(V, D)``.
        pooled: the same for networks that saw the domain.
        further: expected Dice of each variant on domains like these, ``(V,)``.
        next_domain: expected Dice of each variant on one further domain, ``(V,)``.
    """

    study: StudyScores
    here: Array
    pooled: Array
    further: Array
    next_domain: Array


@dataclass
class Simulator:
    """Draws studies of one setting.

    Args:
        setting: what to draw.
        resamples: of the bootstrap; the intervals do not depend on them.
        equivalence: half-width of the region of practical equivalence.
        seed: of the random numbers.
    """

    setting: Setting
    resamples: int = 100
    equivalence: float = 0.01
    seed: int = 0
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        setting = self.setting
        self.rng = np.random.default_rng(self.seed)
        names = [f"domain {letter}" for letter in "ABCDEFGH"[: len(setting.subjects)]]
        domains = np.repeat(names, setting.subjects)
        scans = tuple(f"s{number:03}" for number in range(len(domains)))
        self.axes = Axes(
            variants=tuple(
                Variant("zscore", f"norm{v}", "flip", "none")
                for v in range(setting.variants)
            ),
            labels=(1,),
            scans=scans,
            seeds=tuple(range(setting.seeds)),
            subjects=scans,
            domains=tuple(map(str, domains)),
            domain_names=tuple(names),
        )
        self.place = np.repeat(np.arange(len(names)), setting.subjects)
        self.replicates = replicate_study(self.axes, self.resamples, 0)

    def draw(self) -> SimulatedStudy:
        """One study."""
        s, rng = self.setting, self.rng
        domains = len(s.subjects)
        on_domain = s.domain * rng.normal(size=(1, domains + 1))
        for_variant = s.domain_variant * rng.normal(size=(s.variants, domains + 1))
        offsets = (on_domain + for_variant) / s.slope
        centres = s.centres[:, np.newaxis] + offsets
        expected = s.expect(centres)
        shared = self._draw_subjects()
        lodo = self._score(centres[:, self.place], shared, of_domain=True)
        # Pooled networks saw the domain: one network for each variant and seed.
        inside = np.broadcast_to(
            s.centres[:, np.newaxis], (s.variants, len(self.place))
        )
        pooled = self._score(inside, shared, of_domain=False)
        study = StudyScores(
            cases=(),
            axes=self.axes,
            replicates=self.replicates,
            pooled=self._arrays(pooled),
            size_matched=True,
            lodo=self._arrays(lodo),
            external=self._arrays(np.full_like(lodo, np.nan)),
            settings=EvidenceConfig(
                resamples=self.resamples, equivalence=self.equivalence
            ),
            noun=DomainNoun("scanner"),
        )
        return SimulatedStudy(
            study,
            here=expected[:, :-1],
            pooled=np.repeat(s.expect(s.centres)[:, np.newaxis], domains, axis=1),
            further=s.expect(s.centres, s.between),
            next_domain=expected[:, -1],
        )

    def _draw_subjects(self) -> Array:
        """What all networks share, ``(V, S, K)`` on the logit scale."""
        s, rng, scans = self.setting, self.rng, len(self.place)
        hard = s.hardness * (rng.random((1, scans, 1)) < s.hard)
        return (
            s.subject * rng.normal(size=(1, scans, 1))
            + s.subject_variant * rng.normal(size=(s.variants, scans, 1))
            + s.seed_subject * rng.normal(size=(1, scans, s.seeds))
        ) / s.slope - hard

    def _score(self, centres: Array, shared: Array, *, of_domain: bool) -> Array:
        """Dice of one design, ``(V, S, K)``."""
        s, rng = self.setting, self.rng
        networks = (s.variants, len(s.subjects) if of_domain else 1, s.seeds)
        network = s.network * rng.normal(size=networks)
        place = self.place if of_domain else np.zeros_like(self.place)
        seed = s.seed_variant * rng.normal(size=(s.variants, 1, s.seeds))
        residual = s.residual * rng.normal(size=shared.shape)
        noise = (network[:, place] + seed + residual) / s.slope
        dice = expit(centres[:, :, np.newaxis] + shared + noise)
        return np.where(rng.random(dice.shape) < s.failures, 0.0, dice)

    def _arrays(self, dice: Array) -> ScoreArrays:
        """Dice of one label and the mean of all labels, which is the same."""
        both = np.stack([dice, dice], axis=1)
        return ScoreArrays(
            axes=self.axes,
            metrics=dict.fromkeys(METRICS, both),
            failed=both == 0,
            seen=np.isfinite(both),
        )
