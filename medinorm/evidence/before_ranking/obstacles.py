"""Why the variants of a study must not be ranked."""

import numpy as np

from medinorm.columns.cases import Cases
from medinorm.domain_noun import count_noun
from medinorm.evidence.before_ranking.run_records import (
    RunRecords,
    TrainedRun,
    trained_run,
)
from medinorm.evidence.differences import MIN_SEEDS
from medinorm.evidence.study_scores import StudyScores

MIN_DOMAINS = 3  # held out; with two, each is half of what is said
MIN_SUBJECTS = 2  # that test, on each domain; `split` refuses fewer before training

_WORDS = ("no", "one", "two")


def find_obstacle(study: StudyScores) -> str:
    """Why the variants of a study must not be ranked; empty if they may be."""
    complete = study.complete_seeds()
    noun = study.noun
    if not study.held_out:
        return "no leave-one-domain-out network was tested; add lodo to split.designs"
    if (held_out := len(study.held_out)) < MIN_DOMAINS:
        return (
            f"only {_WORDS[held_out]} {noun.one if held_out == 1 else noun.many} "
            f"{'was' if held_out == 1 else 'were'} held out; a statement about "
            f"{noun.many} needs three: add {noun.many}, or choose another split.domain"
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


def find_damaged_seeds(cases: Cases, trained: RunRecords) -> str:
    """Which networks could not be used for a technical reason; empty if none.

    Their predictions are all missing and count as Dice 0, which says nothing about
    their normalization. A training that failed and said why is no damage.

    Args:
        cases: all cases.
        trained: the records of all runs.
    """
    damaged = [
        run
        for run in find_runs_without_predictions(cases)
        if not (trained.why_failed(run) or trained.has_weights(run))
    ]
    if not damaged:
        return ""
    first = damaged[0]
    more = f", and those of {len(damaged) - 1} more" if len(damaged) > 1 else ""
    return (
        f"the weights of {trained.name_of(first.variant)}, {first.split}, seed "
        f"{first.seed}{more}, could not be read, so their predictions are missing; "
        "delete these runs and train them again"
    )


def find_runs_without_predictions(cases: Cases) -> list[TrainedRun]:
    """The trainings none of whose test scans has a prediction, in order."""
    first, run_of_case = cases.runs
    there = ~cases.scores.state.equals("missing")
    has_any = np.bincount(run_of_case[there], minlength=len(first)) > 0
    scores = cases.scores[first]
    columns = scores.variant.tolist(), scores.split.tolist(), scores.seed.tolist()
    predicted: dict[TrainedRun, bool] = {}
    for names, any_there in zip(zip(*columns, strict=True), has_any, strict=True):
        run = trained_run(*names)
        predicted[run] = predicted.get(run, False) or bool(any_there)
    return sorted(run for run, any_there in predicted.items() if not any_there)


def _find_single_subject_strata(study: StudyScores) -> str:
    """Whether a held-out domain has too few subjects to say how much they vary.

    Every stratum of one subject is found by this: strata that share a domain are joined
    until they have two, so the one that is left is the only one on each of its domains.
    """
    for place in study.held_out:
        scans = study.axes.members[place]
        scored = scans[np.isfinite(study.lodo.dice[:, -1, scans]).any(axis=(0, 2))]
        if len({study.axes.subjects[scan] for scan in scored}) < MIN_SUBJECTS:
            return (
                f"{study.axes.domain_names[place]} has only one test subject, so "
                "chance cannot be distinguished from a real difference; raise "
                "split.test_folds or combine domains"
            )
    return ""
