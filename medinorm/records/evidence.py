"""The tables of the comparison: what the report reads.

Where a value has an interval, `<value>_low` and `<value>_high` are its ends. Dice and
gaps are fractions; the units of the other metrics are in `medinorm.records.metrics`.
Absent is ``None``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from medinorm.files.records import columns
from medinorm.records.metrics import OTHER_METRICS
from medinorm.records.scores import ScoreRow
from medinorm.variant import Variant

MEAN = "mean"  # in the column `label`: the mean over all labels

DifferenceVerdict = Literal["better", "worse", "equivalent", "undecided"]
FailureKind = Literal["none", "missing", "missed", "false_positive", "low"]
EffectVerdict = Literal["highest", "worse", "equivalent", "undecided"]
FactorName = Literal["intensity", "norm", "augmentation", "adapt"]

_OPPOSITE: Mapping[DifferenceVerdict, DifferenceVerdict] = {
    "better": "worse",
    "worse": "better",
}


@dataclass(frozen=True)
class CaseRow:
    """One score: which design it belongs to, and whether the network saw its domain.

    Args:
        score: the score.
        design: of the split.
        fold: of the split.
        train_set: the split without its fold.
        subject: of the scan.
        domain: of the scan.
        in_domain: whether the network trained on this domain.
        failure: what a clinician would call the failure of this prediction:
            ``missing`` (there is none), ``missed`` (nothing was found of a structure),
            ``false_positive`` (something was found where nothing is), ``low`` (Dice
            below `score.failure`), or ``none``.
    """

    score: ScoreRow
    design: str
    fold: int
    train_set: str
    subject: str
    domain: str
    in_domain: bool
    failure: FailureKind

    @property
    def failed(self) -> bool:
        """Whether a clinician would call it a failure."""
        return self.failure != "none"


@dataclass(frozen=True)
class FailureRow:
    """How often predictions of a variant failed in one way, on one domain.

    Args:
        design: of the splits.
        in_domain: whether the networks trained on the domain.
        kind: in which way, see `CaseRow`.
        failures: how many labels of predictions failed so.
        possible: how many could have: those whose reference has the label (``missed``,
            ``low``), those whose reference lacks it (``false_positive``), or all.
        predictions: how many predictions failed so for one label at least.
        volume_ml: mean volume of the false structures, in ml; empty for other kinds.
    """

    variant: Variant
    design: str
    domain: str
    in_domain: bool
    kind: FailureKind
    failures: int
    possible: int
    predictions: int
    volume_ml: float | None


@dataclass(frozen=True)
class DomainRow:
    """One variant on one domain.

    Means are over scans and seeds. Those of ``mean`` are by class first: over the means
    of the labels that occur on the domain.

    Args:
        label: a value of the label map, or ``mean`` of all.
        failures: pairs of scan and seed that failed, see `CaseRow` (in rows of
            ``mean``: for one label at least).
        empty: pairs with nothing to score: neither reference nor prediction has the
            label, which is right (in rows of ``mean``: for any label).
        other_metrics: means of the other metrics, their names the columns.
        occurs: in how many of the scans the reference has the label (in rows of
            ``mean``: any label).
    """

    variant: Variant
    design: str
    train_set: str
    domain: str
    in_domain: bool
    label: str
    scans: int
    seeds: int
    failures: int
    empty: int
    dice: float | None
    dice_low: float | None
    dice_high: float | None
    other_metrics: Mapping[str, float | None] = field(
        metadata=columns(names=OTHER_METRICS)
    )
    occurs: int | None = None


@dataclass(frozen=True)
class GapRow:
    """Pooled minus leave-one-domain-out, on the same scans of the held-out domain.

    Args:
        pooled: of the size-matched networks, if these were run.
    """

    variant: Variant
    domain: str
    pooled: float | None
    lodo: float | None
    gap: float | None
    gap_low: float | None
    gap_high: float | None
    scans: int
    subjects: int
    seeds: int


@dataclass(frozen=True)
class SummaryRow:
    """One variant over all domains.

    Args:
        in_domain: Dice of the pooled networks; of the size-matched, if these were run.
        out_domain: Dice on domains the network never saw.
        new_low: low end of the prediction interval for one further domain; it contains
            the interval of `out_domain`.
        new_high: its high end.
        new_factor: its half-width, in standard deviations between domains, where these
            are larger than the sampling error.
        domain_sd: standard deviation between domains.
        external: Dice of the pooled networks on domains that only tested.
        far_scans: how many scans of unseen domains lie far below the others of their
            domain (a modified z-score beyond 3.5).
        without_far: `out_domain` without them; ``None`` if there are none.
        other_metrics: means of the other metrics, their names the columns; these and
            all columns that follow are out of domain.
    """

    variant: Variant
    in_domain: float | None
    in_domain_low: float | None
    in_domain_high: float | None
    out_domain: float | None
    out_domain_low: float | None
    out_domain_high: float | None
    gap: float | None
    gap_low: float | None
    gap_high: float | None
    new_low: float | None
    new_high: float | None
    new_factor: float | None
    domain_sd: float | None
    worst_domain: str | None
    worst_dice: float | None
    other_metrics: Mapping[str, float | None] = field(
        metadata=columns(names=OTHER_METRICS)
    )
    scans: int
    subjects: int
    domains: int
    seeds: int
    failures: int
    empty: int
    external: float | None = None
    external_low: float | None = None
    external_high: float | None = None
    far_scans: int | None = None
    without_far: float | None = None


@dataclass(frozen=True)
class DifferenceRow:
    """Out-of-domain Dice of a variant minus that of the other, on the same scans.

    Columns hold for the domains of the study. Only those that begin with ``further``
    hold for the mean over domains like these, of which the study has a sample, and
    those that begin with ``next`` for a single further domain.

    Args:
        p: probability of such a difference if the truth were within the region of
            practical equivalence.
        p_holm: the same, corrected over all rows.
        p_equivalent: probability of it if the truth were outside of the region (TOST).
        detectable: true difference that such a study calls better or worse with 80 %
            probability, after a correction for as many comparisons.
        domain_sd: standard deviation of the difference between domains; never less
            than the sampling error of a domain.
        domains_needed: how many domains would decide what is undecided on domains like
            these, with 80 % probability, if the difference is as measured; ``None``
            where it is decided, where 100 are too few, and in comparisons without the
            best variant. So are the next two.
        seeds_needed: how many seeds would decide about the domains of the study.
        subjects_needed: how many subjects in all would, with the seeds of the study.
    """

    variant: Variant
    other: Variant = field(metadata=columns(prefix="other_"))
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    se: float | None
    df: float | None
    p: float | None
    p_holm: float | None
    detectable: float | None
    verdict: DifferenceVerdict
    scans: int
    seeds: int
    p_equivalent: float | None = None
    further_low: float | None = None
    further_high: float | None = None
    further_p: float | None = None
    further_p_holm: float | None = None
    further_verdict: DifferenceVerdict = "undecided"
    next_low: float | None = None
    next_high: float | None = None
    domain_sd: float | None = None
    domains_needed: int | None = None
    seeds_needed: int | None = None
    subjects_needed: int | None = None

    def reverse(self) -> "DifferenceRow":
        """The same difference, seen from the other variant."""
        return replace(
            self,
            variant=self.other,
            other=self.variant,
            difference=_negative(self.difference),
            difference_low=_negative(self.difference_high),
            difference_high=_negative(self.difference_low),
            verdict=_OPPOSITE.get(self.verdict, self.verdict),
            further_low=_negative(self.further_high),
            further_high=_negative(self.further_low),
            further_verdict=_OPPOSITE.get(self.further_verdict, self.further_verdict),
            next_low=_negative(self.next_high),
            next_high=_negative(self.next_low),
        )


@dataclass(frozen=True)
class EffectRow:
    """Out-of-domain Dice of one level of an axis, as the mean over the other axes.

    Args:
        factor: the axis, a field of `Variant`.
        variants: how many are in the mean.
        difference: this level minus the highest level of the factor.
        spread: best minus worst combination of the other factors, within this level.
    """

    factor: FactorName
    level: str
    variants: int
    out_domain: float | None
    out_domain_low: float | None
    out_domain_high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    p: float | None
    p_holm: float | None
    verdict: EffectVerdict
    spread: float | None
    spread_low: float | None
    spread_high: float | None
    spread_best: str | None
    spread_worst: str | None


@dataclass(frozen=True)
class RankingRow:
    """The rank of a variant among all, and how certain it is, on these domains.

    Args:
        probability_best: share of resamples of seeds and subjects in which it is first.
        corrected: of the first variant: its mean without the part that comes from
            having been chosen for being the highest; of the others ``None``.
    """

    rank: int
    variant: Variant
    out_domain: float
    out_domain_low: float | None
    out_domain_high: float | None
    probability_best: float | None
    rank_low: int | None
    rank_high: int | None
    corrected: float | None = None
    corrected_low: float | None = None
    corrected_high: float | None = None


@dataclass(frozen=True)
class FairnessRow:
    """Settings and costs of the runs of a variant.

    Texts have the one value of all runs, or all values that occur.

    Args:
        seconds_per_step: median.
        peak_memory_mb: largest.
    """

    variant: Variant
    runs: int
    seconds_per_step: float | None
    peak_memory_mb: float | None
    parameters: str
    training_scans: str
    steps: str
    learning_rate: str
    batch_size: str
    threads: str


@dataclass(frozen=True)
class NetworkRow:
    """One trained network: where its weights are, and what its training took.

    Adaptations at test time use the same network; here `variant` has none.

    Args:
        weights: their file, relative to the folder of the results.
        checksum: of that file, BLAKE2b-128, as recorded when it was written.
        seconds: of training, on the clock: median seconds of a step times steps.
    """

    variant: Variant
    design: str
    split: str
    seed: int
    weights: str
    checksum: str | None
    training_scans: int | None
    steps: int | None
    seconds: float | None
    threads: int | None
    peak_memory_mb: float | None
    parameters: int | None


@dataclass(frozen=True)
class CurveRow:
    """One row of the history of a run, see `medinorm.records.history`."""

    variant: Variant
    split: str
    seed: int
    step: int
    loss: float
    train_dice: float | None = None
    validation_dice: float | None = None


def _negative(number: float | None) -> float | None:
    """The number with the other sign."""
    return None if number is None else -number
