"""Tables of the comparison that show more than means over domains.

As in `medinorm.records.evidence`: `<value>_low` and `<value>_high` are the ends of the
interval of a value, Dice is a fraction, absent is ``None``.
"""

from dataclasses import dataclass, field
from typing import Literal

from medinorm.files.records import columns
from medinorm.variant import Variant

RankingRule = Literal["mean_then_rank", "rank_then_mean", "test_based"]


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
