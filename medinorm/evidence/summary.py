"""Means by domain, gaps, and the summary of each variant."""

from collections.abc import Iterator

import numpy as np

from medinorm.evidence.bootstrap import Array, predict_further
from medinorm.evidence.cases import Scores, gather_scores
from medinorm.evidence.study import (
    Cells,
    Study,
    common_scans,
    count_cases,
    interval_cells,
    over_domains,
    present_domains,
)

MEAN = "mean"  # in the column `label`: the mean over all labels


def tabulate_domains(study: Study) -> Iterator[Cells]:
    """Mean scores by variant, training set, domain and label."""
    keys = ["design", "train_set", "in_domain"]
    for values, cases in study.cases.groupby(keys):
        names = dict(zip(keys, values, strict=True))
        scores = gather_scores(cases, study.axes)
        for row in _domain_rows(study, scores):
            yield {**names, **row}


def _domain_rows(study: Study, scores: Scores) -> Iterator[Cells]:
    """Rows of the cases of one training set."""
    labels = [*map(str, study.axes.labels), MEAN]
    dice = study.weigh(study.means(scores.dice))
    nsd, hd95 = (study.means(x)[..., 0] for x in (scores.nsd, scores.hd95))
    for index in np.ndindex(*dice.value.shape):
        counts = count_cases(scores, index[:2], study.axes.members[index[2]])
        if counts["seeds"]:
            yield {
                **study.axes.variants[index[0]]._asdict(),
                "label": labels[index[1]],
                "domain": study.axes.domain_names[index[2]],
                **counts,
                **interval_cells("dice", dice, index, share=True),
                "nsd": nsd[index],
                "hd95": hd95[index],
            }


def tabulate_gaps(study: Study) -> Iterator[Cells]:
    """Pooled minus leave-one-domain-out on the same scans, by held-out domain."""
    pooled, lodo = common_scans(study.pooled.dice[:, -1], study.lodo.dice[:, -1])
    means = study.means(pooled), study.means(lodo)
    gaps = study.weigh(means[0] - means[1])
    for index, variant in enumerate(study.axes.variants):
        for place in study.held_out:
            scans = study.axes.members[place]
            both = np.isfinite(lodo[index, scans])
            used = scans[both.any(axis=1)]
            if not len(used):
                continue
            yield {
                **variant._asdict(),
                "domain": study.axes.domain_names[place],
                "pooled": means[0][index, place, 0],
                "lodo": means[1][index, place, 0],
                **interval_cells("gap", gaps, (index, place)),
                "scans": len(used),
                "subjects": len({study.axes.subjects[scan] for scan in used}),
                "seeds": int(both.any(axis=0).sum()),
            }


def tabulate_summary(study: Study) -> Iterator[Cells]:
    """One row a variant: known and unseen domains, and what a further one may bring."""
    pooled, lodo = study.pooled.dice[:, -1], study.lodo.dice[:, -1]
    inside = study.means(pooled)[:, present_domains(study.pooled)]
    outside = study.means(lodo)[:, study.held_out]
    same = [study.means(scores) for scores in common_scans(pooled, lodo)]
    in_domain = study.weigh(over_domains(inside))
    out_domain = study.weigh(over_domains(outside))
    gap = study.weigh(over_domains((same[0] - same[1])[:, study.held_out]))
    for index, variant in enumerate(study.axes.variants):
        yield {
            **variant._asdict(),
            **interval_cells("in_domain", in_domain, (index,), share=True),
            **interval_cells("out_domain", out_domain, (index,), share=True),
            **interval_cells("gap", gap, (index,)),
            **_further(outside[index, :, 0], study),
            **_worst(outside[index, :, 0], study),
            **_out_of_domain(study, index),
        }


def _further(by_domain: Array, study: Study) -> Cells:
    """What one further domain may bring."""
    further = predict_further(by_domain, study.settings.confidence)
    return {
        "new_low": float(np.maximum(further.low, 0.0)),
        "new_high": float(np.minimum(further.high, 1.0)),
        "new_factor": further.factor,
        "domain_sd": further.spread,
    }


def _worst(by_domain: Array, study: Study) -> Cells:
    """The held-out domain with the lowest Dice."""
    if not np.isfinite(by_domain).all() or not len(by_domain):
        return {"worst_domain": "", "worst_dice": None}
    worst = int(np.argmin(by_domain))
    name = study.axes.domain_names[study.held_out[worst]]
    return {"worst_domain": name, "worst_dice": by_domain[worst]}


def _out_of_domain(study: Study, index: int) -> Cells:
    """Distances and counts of one variant on unseen domains."""
    scores = study.lodo
    seen = scores.seen[index, -1]
    scans = np.flatnonzero(seen.any(axis=1))
    return {
        **{
            name: over_domains(study.means(values[index, -1])[study.held_out])[0]
            for name, values in (("nsd", scores.nsd), ("hd95", scores.hd95))
        },
        **count_cases(scores, (index, -1), np.arange(len(study.axes.scans))),
        "subjects": len({study.axes.subjects[scan] for scan in scans}),
        "domains": len({study.axes.domains[scan] for scan in scans}),
    }
