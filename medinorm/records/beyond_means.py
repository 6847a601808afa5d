"""Tables of the comparison that show more than means over domains.

As in `medinorm.records.evidence`: `<value>_low` and `<value>_high` are the ends of the
interval of a value, Dice is a fraction, absent is ``None``.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from medinorm.files.records import columns
from medinorm.variant import Variant

RankingRule = Literal["mean_then_rank", "rank_then_mean", "test_based"]
Side = Literal["before", "after"]  # of a normalization layer


@dataclass(frozen=True)
class UnseenDomainRow:
    """One variant on one domain that its networks never saw.

    Args:
        rank: on this domain alone, of the ranked variants; absent if nothing is ranked.
        ranked: how many variants are ranked.
        below: share of the predictions with a Dice below `threshold`: the probability
            of such a Dice on this domain.
        threshold: `score.failure`.
        worst: whether this is the domain with the lowest Dice of the variant.
    """

    variant: Variant
    domain: str
    dice: float | None
    dice_low: float | None
    dice_high: float | None
    scans: int
    subjects: int
    seeds: int
    rank: int | None
    ranked: int
    below: float | None
    below_low: float | None
    below_high: float | None
    threshold: float
    worst: bool


@dataclass(frozen=True)
class WorstDomainRow:
    """The lowest Dice of a variant on any domain that its networks never saw.

    The interval is corrected for the domain having been chosen among all by its Dice;
    the Dice itself is not, and tends to be too low.
    """

    variant: Variant
    domain: str
    dice: float
    dice_low: float | None
    dice_high: float | None


@dataclass(frozen=True)
class UnseenLabelRow:
    """Dice of one label over all domains that the networks never saw."""

    variant: Variant
    label: int
    dice: float | None
    dice_low: float | None
    dice_high: float | None


@dataclass(frozen=True)
class RankRow:
    """The rank of a variant by one metric and one rule, on the domains of the study.

    Args:
        rank: equal ones share the smallest.
        value: what is ranked: a mean, a mean rank, or a number of comparisons won.
        rank_low: low end of the interval of the rank over resamples.
        rank_high: its high end.
        first: share of the resamples in which the variant has rank 1.
    """

    variant: Variant
    metric: str
    rule: RankingRule
    rank: int
    value: float
    rank_low: int | None
    rank_high: int | None
    first: float | None


@dataclass(frozen=True)
class RankProbabilityRow:
    """How probable one rank of a variant is: its share of the resamples."""

    variant: Variant
    metric: str
    rule: RankingRule
    rank: int
    probability: float


@dataclass(frozen=True)
class RankAgreementRow:
    """Kendall's tau-b between two orders of the same variants; 1: the same order.

    An order with itself: the mean over the resamples, between the order of the study
    and that of the resample, with the interval of single resamples.
    """

    metric: str
    rule: RankingRule
    other_metric: str
    other_rule: RankingRule
    tau: float | None
    tau_low: float | None
    tau_high: float | None


@dataclass(frozen=True)
class ComponentRow:
    """One line of the analysis of variance of variants and domains.

    Args:
        source: what varies; ``refused`` if the model could not be fitted.
        df: its degrees of freedom.
        standard_deviation: of its random effect, in Dice; absent of the variants, which
            are fixed.
        f: mean square over that of `variant x domain`.
        p: probability of such an `f` if the variants were equal on domains like these.
        note: why the model was refused.
    """

    source: str
    df: int | None
    standard_deviation: float | None
    f: float | None
    p: float | None
    note: str | None


@dataclass(frozen=True)
class RecoveredRow:
    """Which share of the gap of the reference variant another variant recovers.

    Args:
        recovered: out-of-domain Dice of the variant minus that of the reference, over
            the gap of the reference, all on the same scans: 1 is all of the gap.
        reference_gap: of the reference.
        note: why there is no share.
    """

    variant: Variant
    reference: Variant = field(metadata=columns(prefix="reference_"))
    recovered: float | None
    recovered_low: float | None
    recovered_high: float | None
    reference_gap: float | None
    note: str | None


@dataclass(frozen=True)
class LayerDriftRow:
    """How far the features of domains lie apart at one layer of one network.

    Both are standard deviations between domains, beyond what chance does with so few
    scans; the mean over channels is quadratic.

    Args:
        variant: the network, and what was adapted at test time.
        split: split that it was trained on.
        seed: seed of its training.
        layer: its place among the normalization layers, from 1 at the input.
        name: of the layer in the network.
        channels: how many it has.
        side: of the layer's input or of its output.
        shift: of the means of channels, in standard deviations of the features within
            a scan.
        scale: of the logarithms of their standard deviations.
    """

    variant: Variant
    split: str
    seed: int
    layer: int
    name: str
    channels: int
    side: Side
    shift: float
    scale: float


@dataclass(frozen=True)
class ProbeRow:
    """From which domain a scan seems to be, by the bottleneck of one network.

    Args:
        variant: the network, and what was adapted at test time.
        split: split that it was trained on.
        seed: seed of its training.
        scan: the scan.
        domain: the domain that it is from.
        guess: the domain that a linear probe gives, which was fitted on the scans of
            all other subjects.
    """

    variant: Variant
    split: str
    seed: int
    scan: str
    domain: str
    guess: str


@dataclass(frozen=True)
class FeatureDriftRow:
    """How far the features of domains lie apart at one layer, over networks.

    Args:
        design: of the splits.
        layer: its place among the normalization layers, from 1 at the input.
        channels: how many it has.
        side: of the layer's input or of its output.
        networks: how many; those of one design, one a split and seed.
        shift: mean over networks; as of `LayerDriftRow`.
        shift_low: the least of any network.
        shift_high: the largest.
        scale: mean over networks; as of `LayerDriftRow`.
    """

    variant: Variant
    design: str
    layer: int
    channels: int
    side: Side
    networks: int
    shift: float
    shift_low: float
    shift_high: float
    scale: float


@dataclass(frozen=True)
class DomainProbeRow:
    """How well the domain of a scan can be read from the bottleneck, over networks.

    Args:
        design: of the splits.
        networks: how many; those of one design, one a split and seed.
        domains: how many are told apart.
        scans: how many.
        subjects: how many; the interval rests on their number.
        accuracy: balanced: mean over domains of the share of scans whose domain was
            guessed.
        accuracy_low: lower end of its interval, for other subjects.
        accuracy_high: its upper end.
        chance: the balanced accuracy of a guess without looking.
    """

    variant: Variant
    design: str
    networks: int
    domains: int
    scans: int
    subjects: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    chance: float


def drift_path(predicted: Path) -> Path:
    """The table of `LayerDriftRow` beside the status table of a job of predict.

    Examples:
        >>> drift_path(Path("pooled/job-0.tsv")).as_posix()
        'pooled/drift-0.tsv'
    """
    return predicted.with_name(f"drift-{predicted.name.removeprefix('job-')}")


def probe_path(predicted: Path) -> Path:
    """The table of `ProbeRow` beside the status table of a job of predict.

    Examples:
        >>> probe_path(Path("pooled/job-0.tsv")).as_posix()
        'pooled/probe-0.tsv'
    """
    return predicted.with_name(f"probe-{predicted.name.removeprefix('job-')}")


def mechanism_paths(predicted: str) -> list[str]:
    """Both tables beside the status table of a job of predict.

    Examples:
        >>> mechanism_paths("pooled/job-{job}.tsv")
        ['pooled/drift-{job}.tsv', 'pooled/probe-{job}.tsv']
    """
    status = Path(predicted)
    return [drift_path(status).as_posix(), probe_path(status).as_posix()]
