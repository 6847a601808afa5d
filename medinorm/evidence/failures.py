"""What a clinician would call a failure, and how often each kind of it happened.

Each label of a prediction is judged by itself. The kinds exclude each other:

- ``missing``: there is no usable prediction;
- ``missed``: nothing was found of a structure that is there;
- ``false_positive``: something was found where nothing is;
- ``low``: something was found, but its Dice lies below the limit `score.failure`.

A prediction without a structure that is not there is right: it is no failure, and it
has no Dice.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import get_args

from medinorm.records.evidence import CaseRow, FailureKind, FailureRow
from medinorm.records.scores import ScoreRow
from medinorm.variant import Variant

KINDS: tuple[FailureKind, ...] = get_args(FailureKind)[1:]  # all but "none"

_WORDS: Mapping[FailureKind, str] = {
    "missing": "no prediction",
    "missed": "a structure missed",
    "false_positive": "a structure that is not there",
}

Group = tuple[Variant, str, str, bool]  # variant, design, domain, in-domain


@dataclass(frozen=True)
class FailureCounts:
    """How many predictions failed for at least one label.

    Args:
        predictions: how many there are.
        failures: how many failed in any way.
        kinds: how many failed in each way that happened.
    """

    predictions: int
    failures: int
    kinds: Mapping[FailureKind, int]


def judge_failure(score: ScoreRow, lowest: float) -> FailureKind:
    """In which way one label of a prediction failed, if it did.

    Args:
        score: of the label.
        lowest: a Dice below it is a failure.
    """
    if score.state == "missing":
        return "missing"
    if not score.voxels_label:
        return "false_positive" if score.voxels_prediction else "none"
    if not score.voxels_prediction:
        return "missed"
    return "low" if score.dice is not None and score.dice < lowest else "none"


def tabulate_failures(cases: Sequence[CaseRow]) -> Iterator[FailureRow]:
    """Each kind of failure by variant and domain; those that never happened too.

    Args:
        cases: all cases, judged.
    """
    groups: dict[Group, list[CaseRow]] = {}
    for case in cases:
        key = case.score.variant, case.design, case.domain, case.in_domain
        groups.setdefault(key, []).append(case)
    for key in sorted(groups):
        for kind in KINDS:
            failed = [case for case in groups[key] if case.failure == kind]
            yield FailureRow(
                *key,
                kind,
                failures=len(failed),
                possible=sum(_may_fail(case, kind) for case in groups[key]),
                predictions=count_predictions(failed),
                volume_ml=_mean_volume(failed) if kind == "false_positive" else None,
            )


def count_failures(cases: Sequence[CaseRow]) -> FailureCounts:
    """How many predictions there are and how many failed, by kind."""
    failed = [case for case in cases if case.failed]
    kinds = {
        kind: count_predictions(case for case in failed if case.failure == kind)
        for kind in KINDS
    }
    return FailureCounts(
        count_predictions(cases),
        count_predictions(failed),
        {kind: count for kind, count in kinds.items() if count},
    )


def say_failures(counts: FailureCounts, lowest: float) -> str:
    """How many predictions failed, and in which ways, as a sentence of the verdict.

    Args:
        counts: of all predictions.
        lowest: a Dice below it is a failure.

    Examples:
        >>> say_failures(FailureCounts(432, 30, {"missed": 3, "low": 27}), 0.5)
        '30 of 432 predictions failed for at least one label (a structure missed: 3, \
a Dice below 0.5: 27). What is missing, missed or false counts as Dice 0.'
    """
    if not counts.failures:
        return (
            f"None of {counts.predictions} predictions failed: none is missing, none "
            "misses a structure or has one that is not there, and none has a Dice "
            f"below {lowest:g}."
        )
    words = {**_WORDS, "low": f"a Dice below {lowest:g}"}
    kinds = ", ".join(f"{words[kind]}: {count}" for kind, count in counts.kinds.items())
    return (
        f"{counts.failures} of {counts.predictions} predictions failed for at least "
        f"one label ({kinds}). What is missing, missed or false counts as Dice 0."
    )


def count_predictions(cases: Iterable[CaseRow]) -> int:
    """How many predictions some cases belong to; each has one case a label."""
    scores = (case.score for case in cases)
    return len({(s.variant, s.split, s.seed, s.scan) for s in scores})


def _may_fail(case: CaseRow, kind: FailureKind) -> bool:
    """Whether a case could have failed in one way."""
    if kind == "missing":
        return True
    if case.score.state == "missing":
        return False
    return bool(case.score.voxels_label) == (kind != "false_positive")


def _mean_volume(cases: Sequence[CaseRow]) -> float | None:
    """Mean volume of what was predicted, in ml; ``None`` where it is not known."""
    volumes = [
        score.voxels_prediction * score.voxel_ml
        for score in (case.score for case in cases)
        if score.voxels_prediction is not None and score.voxel_ml is not None
    ]
    return fmean(volumes) if volumes else None
