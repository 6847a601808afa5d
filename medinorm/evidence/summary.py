"""Means by domain, gaps, and the summary of each variant."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from medinorm.columns.cases import Cases
from medinorm.columns.parquet import is_absent
from medinorm.columns.words import find_present
from medinorm.evidence.bootstrap import Array, Interval, known, observed_means
from medinorm.evidence.inference.far_scans import leave_far_out
from medinorm.evidence.inference.further import infer_further, predict_further
from medinorm.evidence.score_arrays import (
    Arrangement,
    find_axes_of_scans,
    gather_scores,
)
from medinorm.evidence.study_scores import (
    StudyScores,
    count_cases,
    count_occurrences,
    over_domains,
    pair_scores,
    present_domains,
)
from medinorm.records.evidence import MEAN, DomainRow, GapRow, SummaryRow
from medinorm.records.metrics import OTHER_METRICS

TrainingSet = tuple[str, str, bool]  # design, training set, in-domain


def tabulate_domains(study: StudyScores) -> Iterator[DomainRow]:
    """Mean scores by variant, training set, domain and label."""
    cases = study.cases
    keys = cases.design, cases.train_set
    shape = *(len(key.names) for key in keys), 2
    codes = *(key.codes for key in keys), cases.in_domain.view(np.uint8)
    groups = np.ravel_multi_index(codes, shape)
    occurring = find_present(groups, math.prod(shape))
    rows = [np.flatnonzero(groups == group) for group in occurring]
    others = _observe_others(study, rows)
    for number, group in enumerate(occurring):
        design, train_set, in_domain = np.unravel_index(group, shape)
        key = keys[0].names[design], keys[1].names[train_set], bool(in_domain)
        means = {name: values[number] for name, values in others.items()}
        yield from _domain_rows(study, cases[rows[number]], key, means)


def _observe_others(
    study: StudyScores, groups: Sequence[NDArray[np.intp]]
) -> dict[str, list[Array]]:
    """Means by the metrics besides Dice, each of which is read once.

    Args:
        study: the scores.
        groups: cases of each training set.

    Returns:
        By name and training set, of each variant, label and domain:
        ``(V, L + 1, D)``.
    """
    cases, axes = study.cases, study.axes
    arrangements = [
        Arrangement.of(own, find_axes_of_scans(own, axes))
        for own in (cases[rows] for rows in groups)
    ]
    others = {}
    for name in OTHER_METRICS:
        column = cases.scores.numbers[name]
        if is_absent(column):
            shape = len(axes.variants), len(axes.labels) + 1, len(axes.domain_names)
            others[name] = [np.full(shape, np.nan)] * len(groups)
            continue
        others[name] = [
            observed_means(arrangement.arrange(column[rows]), arrangement.axes.members)
            for rows, arrangement in zip(groups, arrangements, strict=True)
        ]
    return others


def _domain_rows(
    study: StudyScores, cases: Cases, key: TrainingSet, others: Mapping[str, Array]
) -> Iterator[DomainRow]:
    """Rows of the cases of one training set.

    Args:
        study: all scores.
        cases: those of the training set.
        key: the training set.
        others: means by the metrics besides Dice, ``(V, L + 1, D)``.
    """
    design, train_set, in_domain = key
    scores = gather_scores(cases, study.axes)
    labels = [*map(str, study.axes.labels), MEAN]
    tested = [study.axes.domain_names.index(name) for name in cases.domain.present]
    for place, variant in enumerate(study.axes.variants):
        one = slice(place, place + 1)  # replicates of all take gigabytes
        dice = study.estimate(study.means(scores.dice[one], tested))
        for label, position in np.ndindex(*dice.value.shape[1:]):
            scans = study.axes.members[tested[position]]
            counts = count_cases(scores, (place, label), scans)
            if counts.seeds:
                yield DomainRow(
                    variant,
                    design,
                    train_set,
                    study.axes.domain_names[tested[position]],
                    in_domain,
                    labels[label],
                    *counts,
                    *dice.interval((0, label, position), share=True),
                    {
                        name: known(float(means[place, label, tested[position]]))
                        for name, means in others.items()
                    },
                    count_occurrences(scores, (place, label), scans),
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
    others = _other_metrics(study)
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
            other_metrics={name: known(means[index]) for name, means in others.items()},
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


def _other_metrics(study: StudyScores) -> dict[str, Array]:
    """Means on unseen domains by the metrics besides Dice, ``(V,)`` each."""
    means = {}
    for name in OTHER_METRICS:
        values = study.lodo.metrics[name][:, -1]
        by_domain = study.observe(values, study.held_out)
        means[name] = over_domains(by_domain[..., np.newaxis])[..., 0]
    return means


def _count_tested(study: StudyScores, index: int) -> tuple[int, int]:
    """Subjects and domains on which one variant was tested, out of domain."""
    scans = np.flatnonzero(study.lodo.seen[index, -1].any(axis=1))
    return (
        len({study.axes.subjects[scan] for scan in scans}),
        len({study.axes.domains[scan] for scan in scans}),
    )
