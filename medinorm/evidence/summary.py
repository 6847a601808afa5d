"""Means by domain, gaps, and the summary of each variant."""

from collections.abc import Iterator

import numpy as np

from medinorm.evidence.bootstrap import Array, Interval, known
from medinorm.evidence.inference.far_scans import leave_far_out
from medinorm.evidence.inference.further import infer_further, predict_further
from medinorm.evidence.score_arrays import gather_scores
from medinorm.evidence.study_scores import (
    StudyScores,
    count_cases,
    count_occurrences,
    over_domains,
    pair_scores,
    present_domains,
)
from medinorm.records.evidence import MEAN, CaseRow, DomainRow, GapRow, SummaryRow
from medinorm.records.metrics import OTHER_METRICS

TrainingSet = tuple[str, str, bool]  # design, training set, in-domain


def tabulate_domains(study: StudyScores) -> Iterator[DomainRow]:
    """Mean scores by variant, training set, domain and label."""
    groups: dict[TrainingSet, list[CaseRow]] = {}
    for case in study.cases:
        key = case.design, case.train_set, case.in_domain
        groups.setdefault(key, []).append(case)
    for key in sorted(groups):
        yield from _domain_rows(study, groups[key], key)


def _domain_rows(
    study: StudyScores, cases: list[CaseRow], key: TrainingSet
) -> Iterator[DomainRow]:
    """Rows of the cases of one training set."""
    design, train_set, in_domain = key
    scores = gather_scores(cases, study.axes)
    labels = [*map(str, study.axes.labels), MEAN]
    dice = study.estimate(study.means(scores.dice))
    others: dict[str, Array] = {
        name: study.means(scores.metrics[name])[..., 0] for name in OTHER_METRICS
    }
    for index in np.ndindex(*dice.value.shape):
        counts = count_cases(scores, index[:2], study.axes.members[index[2]])
        if counts.seeds:
            yield DomainRow(
                study.axes.variants[index[0]],
                design,
                train_set,
                study.axes.domain_names[index[2]],
                in_domain,
                labels[index[1]],
                *counts,
                *dice.interval(index, share=True),
                {name: known(float(means[index])) for name, means in others.items()},
                count_occurrences(scores, index[:2], study.axes.members[index[2]]),
            )


def tabulate_gaps(study: StudyScores) -> Iterator[GapRow]:
    """Pooled minus leave-one-domain-out on the same scans, by held-out domain."""
    everyone = range(len(study.axes.variants))
    pooled, lodo = pair_scores(study.pooled, study.lodo, everyone, everyone)
    means = study.means(pooled), study.means(lodo)
    gaps = study.estimate(means[0] - means[1])
    for index, variant in enumerate(study.axes.variants):
        for place in study.held_out:
            scans = study.axes.members[place]
            both = np.isfinite(lodo[index, scans])
            used = scans[both.any(axis=1)]
            if not len(used):
                continue
            yield GapRow(
                variant,
                study.axes.domain_names[place],
                known(means[0][index, place, 0]),
                known(means[1][index, place, 0]),
                *gaps.interval((index, place)),
                scans=len(used),
                subjects=len({study.axes.subjects[scan] for scan in used}),
                seeds=int(both.any(axis=0).sum()),
            )


def tabulate_summary(study: StudyScores) -> Iterator[SummaryRow]:
    """One row a variant: Dice on known, unseen and one further domain, and the gap."""
    pooled, lodo = study.pooled.dice[:, -1], study.lodo.dice[:, -1]
    inside = study.means(pooled)[:, present_domains(study.pooled)]
    outside = study.means(lodo)[:, study.held_out]
    everyone = range(len(study.axes.variants))
    pairs = pair_scores(study.pooled, study.lodo, everyone, everyone)
    same = [study.means(scores) for scores in pairs]
    in_domain = study.estimate(over_domains(inside))
    out_domain = study.estimate(over_domains(outside))
    further = infer_further(
        out_domain, study.estimate(outside), study.settings.confidence
    )
    gap = study.estimate(over_domains((same[0] - same[1])[:, study.held_out]))
    outer = study.means(study.external.dice[:, -1])[:, present_domains(study.external)]
    external = study.estimate(over_domains(outer))
    for index, variant in enumerate(study.axes.variants):
        counts = count_cases(study.lodo, (index, -1), np.arange(len(study.axes.scans)))
        subjects, domains = _count_tested(study, index)
        mean = out_domain.interval((index,), share=True)
        beyond = external.interval((index,), share=True)
        following = further.next_low[index], further.next_high[index]
        held_out = [study.axes.members[place] for place in study.held_out]
        far = leave_far_out(study.lodo.dice[index, -1], held_out)
        yield SummaryRow(
            variant,
            *in_domain.interval((index,), share=True),
            *mean,
            *gap.interval((index,)),
            *_contain(mean, following),
            *_deviation(outside[index, :, 0], study),
            *_worst(outside[index, :, 0], study),
            other_metrics=_other_metrics(study, index),
            scans=counts.scans,
            subjects=subjects,
            domains=domains,
            seeds=counts.seeds,
            failures=counts.failures,
            empty=counts.empty,
            external=beyond.value,
            external_low=beyond.low,
            external_high=beyond.high,
            far_scans=far.scans,
            without_far=known(far.dice),
        )


def _contain(
    mean: Interval, following: tuple[float, float]
) -> tuple[float | None, float | None]:
    """Dice expected on one further domain: it contains the interval of the mean."""
    low, high = following
    if np.isnan(low) or mean.low is None or mean.high is None:
        return known(np.maximum(low, 0.0)), known(np.minimum(high, 1.0))
    return min(max(low, 0.0), mean.low), max(min(high, 1.0), mean.high)


def _deviation(
    by_domain: Array, study: StudyScores
) -> tuple[float | None, float | None]:
    """How far domains lie apart: `new_factor` and `domain_sd` of `SummaryRow`."""
    further = predict_further(by_domain, study.settings.confidence)
    return known(further.factor), known(further.standard_deviation)


def _worst(by_domain: Array, study: StudyScores) -> tuple[str | None, float | None]:
    """The held-out domain with the lowest Dice, and this Dice."""
    if not np.isfinite(by_domain).all() or not len(by_domain):
        return None, None
    worst = int(np.argmin(by_domain))
    name = study.axes.domain_names[study.held_out[worst]]
    return name, known(by_domain[worst])


def _other_metrics(study: StudyScores, index: int) -> dict[str, float | None]:
    """Means of one variant on unseen domains by the metrics besides Dice."""
    means = {}
    for name in OTHER_METRICS:
        by_domain = study.means(study.lodo.metrics[name][index, -1])
        means[name] = known(over_domains(by_domain[study.held_out])[0])
    return means


def _count_tested(study: StudyScores, index: int) -> tuple[int, int]:
    """Subjects and domains on which one variant was tested, out of domain."""
    scans = np.flatnonzero(study.lodo.seen[index, -1].any(axis=1))
    return (
        len({study.axes.subjects[scan] for scan in scans}),
        len({study.axes.domains[scan] for scan in scans}),
    )
