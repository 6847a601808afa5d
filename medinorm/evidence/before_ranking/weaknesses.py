"""What makes a study weak although it may be ranked: the sentences of the banner."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from medinorm.domain_noun import DomainNoun, count_noun
from medinorm.evidence.before_ranking.learning import LEAST_DICE, mean_known_dice
from medinorm.evidence.before_ranking.obstacles import find_runs_without_predictions
from medinorm.evidence.before_ranking.run_records import RunRecords
from medinorm.evidence.before_ranking.same_networks import say_same_networks
from medinorm.evidence.differences import MIN_SEEDS
from medinorm.evidence.study_scores import StudyScores, present_domains
from medinorm.records.scans import SplitRow
from medinorm.variant import Variant

ENOUGH_SUBJECTS = 10  # that test, on each domain
ENOUGH_SEEDS = 5
# The largest domain has at least so many times the test subjects of the smallest.
UNEQUAL = 1.5

_SHOWN = 8  # domains in a sentence


def find_weaknesses(
    study: StudyScores, trained: RunRecords, splits: Sequence[SplitRow]
) -> list[str]:
    """What a reader must know before the numbers of the verdict, as whole sentences.

    Args:
        study: what was compared.
        trained: the records of all runs.
        splits: the roles of all scans.
    """
    subjects = count_test_subjects(study)
    return [
        *_say_few_subjects(subjects, study.noun),
        *_say_few_seeds(study),
        *_say_unequal(subjects, study.noun),
        *_say_unmatched(study, splits),
        *_say_unlearned(study, trained),
        *_say_failed_trainings(study, trained),
        *_say_unknown(trained),
        *say_same_networks(trained),
    ]


def count_test_subjects(study: StudyScores) -> dict[str, int]:
    """How many subjects were tested on each held-out domain."""
    counts = {}
    for place in study.held_out:
        scans = study.axes.members[place]
        tested = scans[study.lodo.seen[:, -1, scans].any(axis=(0, 2))]
        subjects = {study.axes.subjects[scan] for scan in tested}
        counts[study.axes.domain_names[place]] = len(subjects)
    return counts


def _say_few_subjects(subjects: Mapping[str, int], noun: DomainNoun) -> Iterator[str]:
    few = [f"{name} {n}" for name, n in subjects.items() if n < ENOUGH_SUBJECTS]
    if few:
        more = len(few) - _SHOWN
        yield (
            f"Few test subjects ({', '.join(few[:_SHOWN])}"
            f"{f' and {more} more {noun.many}' if more > 0 else ''}; "
            f"{ENOUGH_SUBJECTS} on each {noun.one} are wanted): one unusual subject "
            "can change the order of the variants."
        )


def _say_few_seeds(study: StudyScores) -> Iterator[str]:
    complete = study.complete_seeds()
    ranked = complete[complete >= MIN_SEEDS] if (complete >= MIN_SEEDS).any() else ()
    seeds = int(np.min(ranked)) if len(ranked) else len(study.axes.seeds)
    if seeds < ENOUGH_SEEDS:
        yield (
            f"Few trainings ({count_noun(seeds, 'seed')}; {ENOUGH_SEEDS} are wanted): "
            "the same training with other seeds can change the order of the variants."
        )


def _say_unequal(subjects: Mapping[str, int], noun: DomainNoun) -> Iterator[str]:
    if not subjects:
        return
    least = min(subjects, key=lambda name: (subjects[name], name))
    most = max(subjects, key=lambda name: (subjects[name], name))
    if subjects[most] >= UNEQUAL * subjects[least]:
        yield (
            f"Unequal numbers of test subjects ({least} {subjects[least]}, {most} "
            f"{subjects[most]}; {UNEQUAL:g} times as many or more are called unequal): "
            f"each {noun.one} counts the same in a mean, so that one subject of "
            f"{least} counts more than one of {most}."
        )


def _say_unmatched(study: StudyScores, splits: Sequence[SplitRow]) -> Iterator[str]:
    if study.size_matched or not study.held_out or not present_domains(study.pooled):
        return
    sizes = {design: _training_sizes(splits, design) for design in ("pooled", "lodo")}
    yield (
        f"The gap compares networks of unequally many training scans (pooled: "
        f"{sizes['pooled']}, without the tested {study.noun.one}: {sizes['lodo']}): a "
        "part of the gap is their number; add size_matched to split.designs."
    )


def _training_sizes(splits: Sequence[SplitRow], design: str) -> str:
    """How many scans the networks of a design trained on: one number, or a range."""
    counts: dict[str, int] = {}
    for row in splits:
        if row.design == design and row.role == "train":
            counts[row.split] = counts.get(row.split, 0) + 1
    least, most = min(counts.values(), default=0), max(counts.values(), default=0)
    return str(least) if least == most else f"{least} to {most}"


def _say_unlearned(study: StudyScores, trained: RunRecords) -> Iterator[str]:
    for variant, mean in mean_known_dice(study.cases).items():
        if mean < LEAST_DICE:
            yield (
                f"{trained.names[variant]} has not learned (mean Dice {mean:.3f} on "
                "data like its training data): its rank shows its training, not its "
                "normalization."
            )


def _say_failed_trainings(study: StudyScores, trained: RunRecords) -> Iterator[str]:
    failed: dict[Variant, list[str]] = {}
    for run in find_runs_without_predictions(study.cases):
        if reason := trained.why_failed(run):
            failed.setdefault(run.variant, []).append(reason)
    for variant, reasons in failed.items():
        runs = sum(run.variant == variant for run in trained.records)
        yield (
            f"{len(reasons)} of {count_noun(runs, 'training')} of "
            f"{trained.name_of(variant)} failed ({reasons[0]}): all of their "
            "predictions count as Dice 0."
        )


def _say_unknown(trained: RunRecords) -> Iterator[str]:
    unknown = [run for run, record in trained.records.items() if not record]
    if unknown:
        yield (
            f"The records of {len(unknown)} of "
            f"{count_noun(len(trained.records), 'training')} cannot be read: whether "
            "all variants were trained alike is not known for them."
        )
