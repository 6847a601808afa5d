"""How right the expected Dice was, on domains that it was not fitted on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from medinorm.expected.model import (
    DiceModel,
    ExpectedDice,
    KnownDice,
    expect_each,
    fit_model,
)
from medinorm.expected.predicted import MeasuredScan
from medinorm.expected.records import (
    ALL_DOMAINS,
    GUARANTEED_DOMAINS,
    ExpectedErrorRow,
    ExpectedScanRow,
)
from medinorm.variant import Variant


@dataclass(frozen=True)
class Evaluation:
    """What is known of the expected Dice of one variant.

    Args:
        variant: the variant.
        model: fitted on all domains, for new ones; ``None`` if there is none.
        scans: what was expected of each scan without its domain.
        errors: on each domain, and on all.
    """

    variant: Variant
    model: DiceModel | None
    scans: tuple[ExpectedScanRow, ...]
    errors: tuple[ExpectedErrorRow, ...]


@dataclass(frozen=True)
class _Tested:
    """One scan of a domain that its networks never saw."""

    domain: str
    dice: float
    mean: float | None  # of the other domains
    expected: ExpectedDice | None


def evaluate_variants(measured: Sequence[MeasuredScan]) -> list[Evaluation]:
    """Fit and test the line of each variant.

    Args:
        measured: test scans of networks that left a domain out.
    """
    variants = dict.fromkeys(scan.variant for scan in measured)
    return [
        _evaluate(variant, [scan for scan in measured if scan.variant == variant])
        for variant in variants
    ]


def _evaluate(variant: Variant, measured: Sequence[MeasuredScan]) -> Evaluation:
    """Fit and test the line of one variant."""
    cases = [
        KnownDice(
            domain=scan.row.domain,
            subject=scan.row.subject,
            held_out=not scan.in_domain,
            agreement=scan.agreement,
            dice=scan.dice,
        )
        for scan in measured
    ]
    expected = expect_each(cases)
    model = fit_model(cases)
    scans = [_describe(scan, one) for scan, one in zip(measured, expected, strict=True)]
    tested = [
        _Tested(case.domain, case.dice, _mean_elsewhere(cases, case.domain), one)
        for case, one in zip(cases, expected, strict=True)
        if case.held_out
    ]
    note = _find_limits(tested, model, any(c.agreement is not None for c in cases))
    errors = [
        _sum_up(variant, domain, own, note if domain == ALL_DOMAINS else None)
        for domain, own in _group(tested)
    ]
    return Evaluation(variant, model, tuple(scans), tuple(errors))


def _describe(scan: MeasuredScan, expected: ExpectedDice | None) -> ExpectedScanRow:
    """The row of a scan."""
    ends = expected or (None, None, None)
    return ExpectedScanRow(
        variant=scan.variant,
        split=scan.row.split,
        scan=scan.row.scan,
        subject=scan.row.subject,
        domain=scan.row.domain,
        in_domain=scan.in_domain,
        seeds=scan.seeds,
        agreement=scan.agreement,
        sureness=scan.sureness,
        dice=scan.dice,
        expected=ends[0],
        low=ends[1],
        high=ends[2],
    )


def _group(tested: Sequence[_Tested]) -> Iterator[tuple[str, Sequence[_Tested]]]:
    """The scans of each domain, and all of them."""
    for domain in sorted({one.domain for one in tested}):
        yield domain, [one for one in tested if one.domain == domain]
    yield ALL_DOMAINS, tested


def _mean_elsewhere(cases: Sequence[KnownDice], domain: str) -> float | None:
    """Mean Dice on the other domains that their networks never saw."""
    dice: dict[str, list[float]] = {}
    for case in cases:
        if case.held_out and case.domain != domain:
            dice.setdefault(case.domain, []).append(case.dice)
    return fmean(map(fmean, dice.values())) if dice else None


def _sum_up(
    variant: Variant, domain: str, tested: Sequence[_Tested], note: str | None
) -> ExpectedErrorRow:
    """The errors on some scans."""
    known = [(one.expected, one.dice) for one in tested if one.expected is not None]
    means = [abs(one.mean - one.dice) for one in tested if one.mean is not None]
    return ExpectedErrorRow(
        variant=variant,
        domain=domain,
        scans=len(tested),
        error=_mean([abs(one.value - dice) for one, dice in known]),
        error_mean=_mean(means),
        covered=_mean([float(one.low <= dice <= one.high) for one, dice in known]),
        width=_mean([one.high - one.low for one, _ in known]),
        note=note,
    )


def _mean(values: Sequence[float]) -> float | None:
    """Their mean, if there are any."""
    return fmean(values) if values else None


def _find_limits(
    tested: Sequence[_Tested], model: DiceModel | None, agreed: bool
) -> str | None:
    """What limits the expectation, in words."""
    domains = len({one.domain for one in tested})
    if domains < 2:
        return "too few domains were left out: at least 2 are needed"
    if model is None:
        return "there are too few scans"
    words = []
    if not agreed:
        words.append("one seed has no agreement: the mean Dice is expected")
    if domains < GUARANTEED_DOMAINS:
        words.append(
            f"the interval rests on {domains} domains and has no guarantee; that needs "
            f"{GUARANTEED_DOMAINS}"
        )
    return "; ".join(words) or None
