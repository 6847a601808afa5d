"""Which step matters: intensity, norm, augmentation or adaptation?

A study crosses the levels of its axes, which are the fields of `Variant`. The mean of
one level over the combinations of the other axes shows how good it is, whatever they
are; all levels of an axis are averaged over the same combinations. The range of these
combinations within one level shows how much the other axes still matter. In the table
this range is called `spread`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from medinorm.evidence.bootstrap import Array, Estimate, Interval, known
from medinorm.evidence.differences import judge
from medinorm.evidence.inference.margins import correct_by_holm, measure_beyond
from medinorm.evidence.study_scores import StudyScores, over_domains
from medinorm.records.evidence import EffectRow, FactorName
from medinorm.variant import Variant

_FACTORS: tuple[FactorName, ...] = get_args(FactorName)

# Not every norm can be adapted: other axes are compared on networks as trained.
_HELD: dict[FactorName, str] = {"adapt": "none"}


@dataclass(frozen=True)
class Crossing:
    """Out-of-domain Dice of every level of a factor with every level of the others.

    Args:
        levels: of the factor.
        others: combinations of the other factors that all of `levels` were run with;
            they are named by the factors that have several levels.
        dice: shape ``(levels, others, R)``, one value for each replicate.
    """

    levels: Sequence[str]
    others: Sequence[str]
    dice: Array


def tabulate_effects(study: StudyScores) -> list[EffectRow]:
    """Means of each level of each axis, and how far each is behind the best.

    Variants with adaptation at test time take part in the comparison of adaptations
    only. A factor has no rows if it has one level, or if its levels share no
    combination of the other factors.
    """
    if not study.held_out:
        return []
    return [row for factor in _FACTORS for row in _effects(study, factor)]


def cross_variants(
    variants: Sequence[Variant], dice: Array, factor: FactorName
) -> Crossing:
    """Arrange the variants by one factor and the combinations of all others.

    Args:
        variants: all variants.
        dice: of each variant in each replicate, shape ``(V, R)``.
        factor: the one whose levels come first.
    """
    held = {name: level for name, level in _HELD.items() if name != factor}
    known = {
        index: v
        for index, v in enumerate(variants)
        if np.isfinite(dice[index, 0])
        and all(getattr(v, name) == level for name, level in held.items())
    }
    others_of = _name_others(list(known.values()), factor)
    place = {(getattr(v, factor), others_of[v]): index for index, v in known.items()}
    levels = list(dict.fromkeys(level for level, _ in place))
    candidates = dict.fromkeys(other for _, other in place)
    others = [o for o in candidates if all((level, o) in place for level in levels)]
    rows = [[dice[place[level, other]] for other in others] for level in levels]
    shape = (len(levels), len(others), dice.shape[-1])
    return Crossing(levels, others, np.array(rows).reshape(shape))


def _name_others(variants: Sequence[Variant], factor: FactorName) -> dict[Variant, str]:
    """What each variant is besides one factor, in words that tell variants apart."""
    others = [name for name in _FACTORS if name != factor]
    varied = [name for name in others if len({getattr(v, name) for v in variants}) > 1]
    named = varied or [name for name in ("norm", "intensity") if name != factor][:1]
    return {v: " + ".join(getattr(v, name) for name in named) for v in variants}


def _effects(study: StudyScores, factor: FactorName) -> Iterator[EffectRow]:
    """The rows of one factor, best first."""
    dice = over_domains(study.means(study.lodo.dice[:, -1])[:, study.held_out])
    crossing = cross_variants(study.axes.variants, dice, factor)
    if len(crossing.levels) < 2 or not crossing.others:
        return
    means = crossing.dice.mean(axis=1)
    order = np.argsort(-means[:, 0], kind="stable")
    best = order[0]
    value, behind = study.estimate(means), study.estimate(means - means[best])
    p = measure_beyond(behind.value, behind.se, behind.df, study.settings.equivalence)
    p[best] = np.nan  # the highest level is compared with nothing
    tests = p, correct_by_holm(p)
    for index in order:
        within, top, bottom = _range(study, crossing, index)
        row = EffectRow(
            factor,
            crossing.levels[index],
            len(crossing.others),
            *value.interval((index,), share=True),
            difference=None,
            difference_low=None,
            difference_high=None,
            p=None,
            p_holm=None,
            verdict="highest",
            spread=within.value,
            spread_low=within.low,
            spread_high=within.high,
            spread_best=top,
            spread_worst=bottom,
        )
        yield row if index == best else _compare(study, row, behind, tests, index)


def _compare(
    study: StudyScores,
    row: EffectRow,
    behind: Estimate,
    tests: tuple[Array, Array],
    index: int,
) -> EffectRow:
    """The row of a level with its difference from the highest.

    Args:
        study: its region of practical equivalence and its confidence.
        row: the level.
        behind: all levels minus the highest.
        tests: probabilities of such differences within the region, and corrected.
        index: which of them.
    """
    interval, (p, corrected) = behind.interval((index,)), tests
    ends = float(behind.low[index]), float(behind.high[index])
    limits = study.settings.equivalence, 1 - study.settings.confidence
    verdict = judge(ends, corrected[index], *limits)
    return replace(
        row,
        difference=interval.value,
        difference_low=interval.low,
        difference_high=interval.high,
        p=known(p[index]),
        p_holm=known(corrected[index]),
        # No level is above the highest.
        verdict="undecided" if verdict == "better" else verdict,
    )


def _range(
    study: StudyScores, crossing: Crossing, index: int
) -> tuple[Interval, str | None, str | None]:
    """Best minus worst of the other factors within one level, and which they are.

    Both are chosen from the data that measure them, so that the range tends to be too
    large.
    """
    within = crossing.dice[index]
    high, low = int(within[:, 0].argmax()), int(within[:, 0].argmin())
    if high == low:
        return Interval(None, None, None), None, None
    range_of_levels = study.estimate(within[high] - within[low])
    return range_of_levels.interval(()), crossing.others[high], crossing.others[low]
