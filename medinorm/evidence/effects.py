"""Which step matters: the intensity step, or the norm? Each averaged over the other.

A study crosses intensities with norms. The mean of one intensity over the same norms as
all others says what that step is worth whatever the norm, and the spread among norms
within it says how much the norm still decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from statsmodels.stats.multitest import multipletests

from medinorm.evidence.bootstrap import Array, Estimate
from medinorm.evidence.differences import judge
from medinorm.evidence.study import Cells, Study, interval_cells, over_domains
from medinorm.variant import Variant

Factor = Literal["intensity", "norm"]

_OTHER: dict[Factor, Factor] = {"intensity": "norm", "norm": "intensity"}


@dataclass(frozen=True)
class Crossing:
    """Out-of-domain Dice of every level of a factor with every level of the other.

    Args:
        levels: of the factor.
        others: levels of the other factor, those that all of `levels` were run with.
        dice: shape ``(levels, others, R)``, one value for each replicate.
    """

    levels: Sequence[str]
    others: Sequence[str]
    dice: Array


def tabulate_effects(study: Study) -> list[Cells]:
    """Means of each intensity and of each norm, and what they lose to the best.

    Variants with adaptation at test time take no part. A factor with one level has no
    rows, nor has one whose levels share no level of the other factor.
    """
    if not study.held_out:
        return []
    return [*_effects(study, "intensity"), *_effects(study, "norm")]


def cross_variants(
    variants: Sequence[Variant], dice: Array, factor: Factor
) -> Crossing:
    """Arrange the variants by two factors.

    Args:
        variants: all variants.
        dice: of each variant in each replicate, shape ``(V, R)``.
        factor: the one whose levels come first.
    """
    place = {
        (getattr(v, factor), getattr(v, _OTHER[factor])): index
        for index, v in enumerate(variants)
        if v.adapt == "none" and np.isfinite(dice[index, 0])
    }
    levels = list(dict.fromkeys(level for level, _ in place))
    found = dict.fromkeys(other for _, other in place)
    others = [o for o in found if all((level, o) in place for level in levels)]
    rows = [[dice[place[level, other]] for other in others] for level in levels]
    shape = (len(levels), len(others), dice.shape[-1])
    return Crossing(levels, others, np.array(rows).reshape(shape))


def _effects(study: Study, factor: Factor) -> Iterator[Cells]:
    """The rows of one factor, best first."""
    dice = over_domains(study.means(study.lodo.dice[:, -1])[:, study.held_out])
    crossing = cross_variants(study.axes.variants, dice, factor)
    if len(crossing.levels) < 2 or not crossing.others:
        return
    means = crossing.dice.mean(axis=1)
    order = np.argsort(-means[:, 0], kind="stable")
    best = order[0]
    value, lost = study.weigh(means), study.weigh(means - means[best])
    corrected = _correct(lost, best)
    limits = study.settings.equivalence, 1 - study.settings.confidence
    for index in order:
        ends = float(lost.low[index]), float(lost.high[index])
        behind = {
            **interval_cells("difference", lost, (index,)),
            "p": lost.p[index],
            "p_holm": corrected[index],
            "verdict": judge(ends, corrected[index], *limits),
        }
        yield {
            "factor": factor,
            "level": crossing.levels[index],
            "variants": len(crossing.others),
            **interval_cells("out_domain", value, (index,), share=True),
            **({"verdict": "highest"} if index == best else behind),
            **_spread(study, crossing, index),
        }


def _spread(study: Study, crossing: Crossing, index: int) -> Cells:
    """Best minus worst level of the other factor, within one level.

    Both are chosen by the data that measure them: the spread errs on the wide side.
    """
    within = crossing.dice[index]
    high, low = int(within[:, 0].argmax()), int(within[:, 0].argmin())
    if high == low:
        return {}
    found = study.weigh(within[high] - within[low])
    return {
        **interval_cells("spread", found, ()),
        "spread_best": crossing.others[high],
        "spread_worst": crossing.others[low],
    }


def _correct(found: Estimate, best: int) -> Array:
    """Holm's correction of the comparisons with the best level."""
    corrected = np.full(found.p.shape, np.nan)
    known = np.isfinite(found.p)
    known[best] = False
    if known.any():
        corrected[known] = multipletests(found.p[known], method="holm")[1]
    return corrected
