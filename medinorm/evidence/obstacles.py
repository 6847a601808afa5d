"""Why the variants of a study must not be ranked."""

import numpy as np

from medinorm.domain_noun import count_noun
from medinorm.evidence.differences import MIN_SEEDS
from medinorm.evidence.study_scores import StudyScores


def find_obstacle(study: StudyScores) -> str:
    """Why the variants of a study must not be ranked; empty if they may be."""
    complete = study.complete_seeds()
    if not study.held_out:
        return "no leave-one-domain-out network was tested; add lodo to split.designs"
    if len(study.held_out) < 2:
        return (
            f"only one {study.noun.one} was held out; a statement about "
            f"{study.noun.many} needs two"
        )
    if len(complete) < 2:
        return "only one variant was tested"
    if complete.max() < MIN_SEEDS:
        most = count_noun(int(complete.max()), "seed")
        return (
            f"complete results exist for {most} at most; {MIN_SEEDS} are needed, "
            "because results change from one training to the next"
        )
    if (complete >= MIN_SEEDS).sum() < 2:
        return f"only one variant has complete results for {MIN_SEEDS} seeds"
    return _find_single_subject_strata(study)


def _find_single_subject_strata(study: StudyScores) -> str:
    """Whether a held-out domain has too few subjects to say how much they vary.

    Every stratum of one subject is found by this: strata that share a domain are joined
    until they have two, so the one that is left is the only one on each of its domains.
    """
    for place in study.held_out:
        scans = study.axes.members[place]
        scored = scans[np.isfinite(study.lodo.dice[:, -1, scans]).any(axis=(0, 2))]
        if len({study.axes.subjects[scan] for scan in scored}) < 2:
            return (
                f"{study.axes.domain_names[place]} has only one test subject, so "
                "chance cannot be distinguished from a real difference; raise "
                "split.test_folds or combine domains"
            )
    return ""
