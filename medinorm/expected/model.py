r"""From the agreement of networks to the Dice to expect, with an interval.

On the scale of log odds a line leads from agreement A to Dice D:

.. math:: \mathrm{logit}\,D = a + b\,\mathrm{logit}\,A

Its slope b is that of all scans of networks that left a domain out, each domain with
the same weight, known and unseen ones apart: those that were left out are few and may
agree alike. On known domains the same agreement goes with a higher Dice, so the line
goes through the mean of the unseen ones. A study has few domains: as in ridge
regression the slope is drawn towards 0, where the mean is expected, unless agreement
and Dice both differ much. With one network there is no agreement: b is 0.

The interval is conformal over domains. The error on each domain is that of a line that
was fitted without it; errors of one domain share the weight :math:`1 / (K + 1)`, and
the domain to come has the same. With K of 9 or more domains the interval holds in 90 %
of the scans of a further domain, if that is drawn like the others. With fewer, no
finite interval has this guarantee; the largest error stands for it. One domain alone
says nothing of how domains differ: there the interval also reaches as far as known and
unseen are apart on that domain.

References:
    Baek et al., "Agreement-on-the-line: predicting the performance of neural networks
    under distribution shift", NeurIPS 2022, arXiv:2206.13089.
    Lee, Barber and Willett, "Distribution-free inference with hierarchical data", 2023,
    arXiv:2306.06342.
    Dunn, Wasserman and Ramdas, "Distribution-free prediction sets for two-layer
    hierarchical models", Journal of the American Statistical Association 2023,
    arXiv:1809.07441.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from medinorm.expected.records import LEVEL

_EDGE = 0.01  # Dice and agreement are kept this far from 0 and 1
_RIDGE = 0.15  # pull of the slope towards 0, in squared log odds


class KnownDice(NamedTuple):
    """One scan whose Dice is known.

    Args:
        domain: of the scan.
        subject: of the scan.
        held_out: whether the networks never saw its domain.
        agreement: of the networks; ``None`` if there is one only.
        dice: mean over labels and networks.
    """

    domain: str
    subject: str
    held_out: bool
    agreement: float | None
    dice: float


class AgreementLine(NamedTuple):
    """A line on the scale of log odds."""

    intercept: float
    slope: float

    def expect_odds(self, agreement: float | None) -> float:
        """The log odds of Dice to expect."""
        if agreement is None or not self.slope:
            return self.intercept
        return self.intercept + self.slope * to_log_odds(agreement)


class ExpectedDice(NamedTuple):
    """What is expected, with the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class DiceModel:
    """The fitted line.

    Args:
        intercept: a.
        slope: b.
        reach: half the width of the interval, in log odds.
        lowest: agreement that any scan of the study had.
        domains: how many domains the errors are of.
        scans: how many scans.
    """

    intercept: float
    slope: float
    reach: float
    lowest: float
    domains: int
    scans: int

    def expect(self, agreement: float | None) -> ExpectedDice | None:
        """The Dice to expect; ``None`` if the line needs an agreement and has none."""
        if self.slope and agreement is None:
            return None
        odds = AgreementLine(self.intercept, self.slope).expect_odds(agreement)
        ends = odds, odds - self.reach, odds + self.reach
        return ExpectedDice(*(1 / (1 + math.exp(-end)) for end in ends))

    def to_json(self) -> dict[str, Any]:
        """The line as JSON values."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The line that `to_json` gave.

        Raises:
            ValueError: its numbers are not finite.
        """
        names = ("intercept", "slope", "reach", "lowest")
        numbers = {name: float(values[name]) for name in names}
        if not all(map(math.isfinite, numbers.values())):
            raise ValueError("no line")
        return cls(
            **numbers, domains=int(values["domains"]), scans=int(values["scans"])
        )


def to_log_odds(share: float) -> float:
    """The logarithm of the odds of a share, which is kept away from 0 and 1.

    Examples:
        >>> to_log_odds(0.5), round(to_log_odds(1.0), 3)
        (0.0, 4.595)
    """
    inside = min(max(share, _EDGE), 1 - _EDGE)
    return math.log(inside / (1 - inside))


def fit_model(cases: Sequence[KnownDice]) -> DiceModel | None:
    """The line of some scans, with the interval of its errors.

    Args:
        cases: scans of networks that left a domain out, on all domains.

    Returns:
        ``None`` if no scan is of a domain that its networks never saw, or there is
        nothing to test the line on.
    """
    unseen = [case for case in cases if case.held_out]
    if not unseen:
        return None
    line = _fit_line(cases)
    errors = [
        (case.domain, abs(to_log_odds(case.dice) - other.expect_odds(case.agreement)))
        for kept, left_out in _folds(cases)
        if any(case.held_out for case in kept)
        for other in [_fit_line(kept)]
        for case in left_out
        if case.held_out
    ]
    if not errors:
        return None
    known = [case.agreement for case in cases if case.agreement is not None]
    return DiceModel(
        intercept=line.intercept,
        slope=line.slope,
        reach=max(conformal_reach(errors), _measure_gap(cases)),
        lowest=min(known, default=0.0),
        domains=len({domain for domain, _ in errors}),
        scans=len(errors),
    )


def expect_each(cases: Sequence[KnownDice]) -> list[ExpectedDice | None]:
    """The Dice to expect of each scan, by a line that knows no scan of its domain."""
    models = {
        domain: fit_model([case for case in cases if case.domain != domain])
        for domain in {case.domain for case in cases}
    }
    return [
        model.expect(case.agreement) if (model := models[case.domain]) else None
        for case in cases
    ]


def _fit_line(cases: Sequence[KnownDice]) -> AgreementLine:
    """The line of some scans: the slope of all, through the mean of the unseen ones."""
    unseen = [case for case in cases if case.held_out]
    weights = _weights_of(unseen)
    mean = float(weights @ [to_log_odds(case.dice) for case in unseen])
    if any(case.agreement is None for case in unseen):
        return AgreementLine(mean, 0.0)
    known = [case for case in cases if case.agreement is not None]
    slope = _find_slope(known)
    agreement = float(weights @ [to_log_odds(case.agreement or 0) for case in unseen])
    return AgreementLine(mean - slope * agreement, slope)


def _weights_of(cases: Sequence[KnownDice]) -> NDArray[np.float64]:
    """Weights by which each domain counts the same, once if known and once if not."""
    sizes = Counter((case.domain, case.held_out) for case in cases)
    weights = np.array([1 / sizes[case.domain, case.held_out] for case in cases])
    return np.asarray(weights / weights.sum())


def _find_slope(cases: Sequence[KnownDice]) -> float:
    """The slope of all scans, drawn towards 0."""
    weights = _weights_of(cases)
    x = np.array([to_log_odds(case.agreement or 0) for case in cases])
    y = np.array([to_log_odds(case.dice) for case in cases])
    off = weights * (x - weights @ x)
    return max(float(off @ (y - weights @ y) / (off @ (x - weights @ x) + _RIDGE)), 0.0)


def _measure_gap(cases: Sequence[KnownDice]) -> float:
    """How far known and unseen are apart, in log odds, if there is one domain only."""
    if len({case.domain for case in cases}) > 1:
        return 0.0
    seen, unseen = (
        [to_log_odds(case.dice) for case in cases if case.held_out == held_out]
        for held_out in (False, True)
    )
    return abs(fmean(seen) - fmean(unseen)) if seen and unseen else 0.0


def _folds(
    cases: Sequence[KnownDice],
) -> Iterator[tuple[list[KnownDice], list[KnownDice]]]:
    """Scans to fit on and to test on: domains apart, or subjects of one domain."""
    domains = {case.domain for case in cases}
    by_domain = len(domains) > 1
    groups = domains if by_domain else {case.subject for case in cases}
    for group in sorted(groups):
        inside = [
            (case.domain if by_domain else case.subject) == group for case in cases
        ]
        kept = [case for case, own in zip(cases, inside, strict=True) if not own]
        if kept:
            yield kept, [case for case, own in zip(cases, inside, strict=True) if own]


def conformal_reach(errors: Sequence[tuple[str, float]], level: float = LEVEL) -> float:
    """The error that a scan of a further domain does not exceed, at a level.

    Args:
        errors: domain and absolute error of each scan.
        level: of the interval.

    Examples:
        >>> conformal_reach([(name, place) for place, name in enumerate("abc")])
        2
    """
    sizes = Counter(domain for domain, _ in errors)
    total, share = 0.0, 1 / (len(sizes) + 1)
    for domain, error in sorted(errors, key=lambda one: one[1]):
        total += share / sizes[domain]
        if total >= level - 1e-9:
            return error
    return max(error for _, error in errors)
