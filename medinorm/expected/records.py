"""What Dice was expected of scans without looking at their labels, and what it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medinorm.variant import Variant

LEVEL = 0.9  # of the intervals
ALL_DOMAINS = "all"  # in the column `domain`
GUARANTEED_DOMAINS = 9  # with fewer, no interval of this level has a guarantee


@dataclass(frozen=True)
class ExpectedScanRow:
    """One test scan of the leave-one-domain-out networks of one variant.

    Args:
        domain: of the scan; no scan of it helped to fit the expectation.
        in_domain: whether the networks trained on the domain.
        seeds: networks that segmented the scan.
        agreement: mean Dice of the predictions of pairs of seeds.
        sureness: mean probability of the predicted labels near the structures.
        dice: observed; mean over labels and seeds.
        expected: what was expected of it.
        low: lower end of the interval of the expectation.
        high: its upper end.
    """

    variant: Variant
    split: str
    scan: str
    subject: str
    domain: str
    in_domain: bool
    seeds: int
    agreement: float | None
    sureness: float | None
    dice: float
    expected: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ExpectedErrorRow:
    """How wrong the expectations of one variant were, on one domain or on all.

    Only scans of domains that the networks never saw count.

    Args:
        domain: name of the domain; ``all``: over all of them.
        scans: how many.
        error: mean absolute error of the expected Dice.
        error_mean: the same if the mean Dice on the other domains were expected.
        covered: share of the scans whose Dice lies in the interval.
        width: mean width of the intervals.
        note: what limits the expectation.
    """

    variant: Variant
    domain: str
    scans: int
    error: float | None
    error_mean: float | None
    covered: float | None
    width: float | None
    note: str | None


@dataclass(frozen=True)
class JudgedScanRow:
    """What to expect of one new scan that was segmented, a row of `expected.tsv`.

    Args:
        expected: Dice, mean over labels, of one network; absent if the scan is so
            strange that the study has seen nothing like it.
        low: lower end of its interval.
        high: its upper end.
        agreement: mean Dice of the predictions of pairs of networks.
        known: whether it is of a training domain; absent if its headers do not tell.
        nearest: the training domain with the most similar intensities.
        distance: of its intensities from there; about 1 for scans like those.
        limit: a larger distance than this scans of training domains rarely have.
        texture_distance: the same for its noise and sharpness.
        texture_limit: likewise.
        deep_distance: the same for what the deepest layer of the networks sees.
        deep_limit: likewise.
        flagged: whether the scan is unlike those that the networks know.
        reasons: why, in words.
    """

    scan: str
    expected: float | None
    low: float | None
    high: float | None
    agreement: float | None
    known: bool | None
    nearest: str | None
    distance: float | None
    limit: float | None
    texture_distance: float | None
    texture_limit: float | None
    deep_distance: float | None
    deep_limit: float | None
    flagged: bool
    reasons: str | None


@dataclass(frozen=True)
class ExpectedModels:
    """The lines of all variants, as `expected.json` has them.

    Args:
        models: one for each variant, with its variant, intercept and slope, half the
            width of its interval and what it rests on.
    """

    models: tuple[Mapping[str, Any], ...]
