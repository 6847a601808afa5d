r"""The mixed model of variants and domains: which part of Dice varies with what.

The out-of-domain Dice of variant v on domain d, subject s of this domain and seed k is

.. math::
    y_{vdsk} = \mu + \alpha_v + b_d + c_{vd} + p_{ds} + q_{vds} + n_{vdk} + e_{vdsk}

with fixed :math:`\alpha` and random effects with variances of their own: the domain b,
the interaction of variant and domain c, the subject p, the interaction of variant and
subject q, the network n (a training from one seed without this domain), and the rest e.
Each variance comes from mean squares (Henderson's first method). Domains weigh equally,
whatever their number of subjects: within domains the mean squares are computed domain
by domain, and their means are used. Negative estimates are 0.

Variants are tested against the interaction, on V - 1 and (V - 1)(D - 1) degrees of
freedom: the question is whether they differ on domains like these, not only here.

The model is refused, with the reason, where a mean square would have no degrees of
freedom or scores are missing. Nothing is iterated, so that nothing can fail to
converge.

References:
    Searle, Casella and McCulloch, "Variance Components", Wiley 1992, chapter 5,
    doi:10.1002/9780470316856.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from medinorm.evidence.bootstrap import Array
from medinorm.evidence.study_scores import StudyScores
from medinorm.records.beyond_means import ComponentRow
from medinorm.variant import Variant

_LEAST = 2  # variants, domains, subjects of a domain, seeds


class _WithinDomain(NamedTuple):
    """Mean squares within one domain, and the numbers of its units.

    Args:
        subject: mean square of subjects.
        crossed: of variant and subject.
        network: of seeds within variants.
        rest: of subject and seed within variants.
        shape: numbers of variants, subjects and seeds.
    """

    subject: float
    crossed: float
    network: float
    rest: float
    shape: tuple[int, int, int]

    @property
    def variances(self) -> dict[str, float]:
        """Variance of each random effect within the domain."""
        variants, subjects, seeds = self.shape
        return {
            "subject": (self.subject - self.crossed) / (variants * seeds),
            "variant x subject": (self.crossed - self.rest) / seeds,
            "network": (self.network - self.rest) / subjects,
            "rest": self.rest,
        }

    @property
    def of_subjects(self) -> float:
        """What subjects add to the variance of the domain's mean."""
        return self.variances["subject"] / self.shape[1]

    @property
    def of_interaction(self) -> float:
        """What sampling adds to the interaction of variant and domain."""
        _, subjects, seeds = self.shape
        return (self.crossed + self.network - self.rest) / (subjects * seeds)


def tabulate_components(
    study: StudyScores, ranked: Sequence[Variant]
) -> list[ComponentRow]:
    """The lines of the analysis of variance, or one line that says why there is none.

    Args:
        study: the scores.
        ranked: the variants that are compared.
    """
    arrays = _gather(study, ranked)
    if reason := _find_reason(arrays, len(ranked)):
        return [ComponentRow("refused", None, None, None, None, reason)]
    return list(decompose(arrays))


def decompose(arrays: Sequence[Array]) -> Iterator[ComponentRow]:
    """The lines of the analysis of variance.

    Args:
        arrays: Dice of each domain, ``(V, subjects, K)``, without missing scores; at
            least two domains, two of each.
    """
    within = [_measure_within(array) for array in arrays]
    means = np.array([array.mean(axis=(1, 2)) for array in arrays]).T  # (V, D)
    variants, domains = means.shape
    rows, columns = means.mean(axis=1), means.mean(axis=0)
    residual = means - rows[:, np.newaxis] - columns + means.mean()
    df = (variants - 1) * (domains - 1)
    interaction = float((residual**2).sum() / df)
    tested: tuple[float | None, float | None] = None, None
    if interaction > 0:
        f = float(rows.var(ddof=1) * domains / interaction)
        tested = f, float(stats.f.sf(f, variants - 1, df))
    yield ComponentRow("variant", variants - 1, None, *tested, None)
    of_domains = float(columns.var(ddof=1)) - interaction / variants
    yield _component("domain", domains - 1, of_domains - _mean(within, "of_subjects"))
    of_pairs = interaction - _mean(within, "of_interaction")
    yield _component("variant x domain", df, of_pairs)
    subjects = sum(one.shape[1] - 1 for one in within)
    seeds = within[0].shape[2]
    for source, count in (
        ("subject", subjects),
        ("variant x subject", subjects * (variants - 1)),
        ("network", domains * variants * (seeds - 1)),
        ("rest", subjects * variants * (seeds - 1)),
    ):
        variance = np.mean([one.variances[source] for one in within])
        yield _component(source, count, float(variance))


def _component(source: str, df: int, variance: float) -> ComponentRow:
    """The line of a random effect; a negative estimate of its variance is 0."""
    return ComponentRow(source, df, max(variance, 0.0) ** 0.5, None, None, None)


def _measure_within(dice: Array) -> _WithinDomain:
    """Mean squares of one domain, of Dice ``(V, n, K)``."""
    variants, n, seeds = dice.shape
    by_subject = dice.mean(axis=2)  # (V, n)
    by_seed = dice.mean(axis=1)  # (V, K)
    cell = dice.mean(axis=(1, 2))  # (V,)
    subject = by_subject.mean(axis=0) - dice.mean()
    crossed = by_subject - cell[:, np.newaxis] - subject
    network = by_seed - cell[:, np.newaxis]
    rest = dice - by_subject[..., np.newaxis] - network[:, np.newaxis]
    return _WithinDomain(
        subject=float((subject**2).sum() * variants * seeds / (n - 1)),
        crossed=float((crossed**2).sum() * seeds / ((variants - 1) * (n - 1))),
        network=float((network**2).sum() * n / (variants * (seeds - 1))),
        rest=float((rest**2).sum() / (variants * (n - 1) * (seeds - 1))),
        shape=(variants, n, seeds),
    )


def _gather(study: StudyScores, ranked: Sequence[Variant]) -> list[Array]:
    """Dice of each held-out domain, ``(V, subjects, K)``; scans are averaged."""
    variants = [study.axes.variants.index(variant) for variant in ranked]
    arrays = []
    for domain in study.held_out:
        scans = study.axes.members[domain]
        dice = study.lodo.dice[variants, -1][:, scans]
        seeds = np.isfinite(dice).any(axis=(0, 1))
        places: dict[str, list[int]] = {}
        for place, scan in enumerate(scans):
            places.setdefault(study.axes.subjects[scan], []).append(place)
        by_subject = [dice[:, own].mean(axis=1) for own in places.values()]
        arrays.append(np.stack(by_subject, axis=1)[:, :, seeds])
    return arrays


def _find_reason(arrays: Sequence[Array], variants: int) -> str:
    """Why the model cannot be fitted; empty if it can."""
    if variants < _LEAST:
        return "fewer than two variants are ranked"
    if len(arrays) < _LEAST:
        return "fewer than two domains were held out"
    if min(array.shape[1] for array in arrays) < _LEAST:
        return "a domain has fewer than two test subjects"
    if (
        min(array.shape[2] for array in arrays) < _LEAST
        or len({array.shape[2] for array in arrays}) > 1
    ):
        return "not all domains have the same seeds, at least two"
    if not all(np.isfinite(array).all() for array in arrays):
        return "some variants lack scores of some scans or seeds"
    return ""


def _mean(within: Sequence[_WithinDomain], name: str) -> float:
    """Mean of a property over domains, which weigh equally."""
    return float(np.mean([getattr(one, name) for one in within]))
