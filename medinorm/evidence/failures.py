"""What a clinician would call a failure, and how often each kind of it happened.

Each label of a prediction is judged by itself. The kinds exclude each other:

- ``missing``: there is no usable prediction;
- ``missed``: nothing was found of a structure that is there;
- ``false_positive``: something was found where nothing is;
- ``low``: something was found, but its Dice lies below the limit `score.failure`.

A prediction without a structure that is not there is right: it is no failure, and it
has no Dice.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from medinorm.columns.cases import Cases
from medinorm.columns.scores import ScoreColumns
from medinorm.columns.words import WordColumn, count_distinct, find_present
from medinorm.records.evidence import FailureKind, FailureRow
from medinorm.records.scores import ScoreRow

KINDS: tuple[FailureKind, ...] = get_args(FailureKind)[1:]  # all but "none"

_NAMES: tuple[str, ...] = tuple(sorted(get_args(FailureKind)))
_CODE = {name: code for code, name in enumerate(_NAMES)}

# As `judge_failures` asks: what fits later does not count.
_ORDER = ("missing", "false_positive", "none", "missed", "low")

_WORDS: Mapping[FailureKind, str] = {
    "missing": "no prediction",
    "missed": "a structure missed",
    "false_positive": "a structure that is not there",
}

Counts = NDArray[np.intp]


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
    kind: FailureKind
    (kind,) = judge_failures(ScoreColumns.of([score]), lowest).tolist()  # type: ignore[assignment]
    return kind


def judge_failures(scores: ScoreColumns, lowest: float) -> WordColumn[str]:
    """In which way each score failed, if it did; arguments as of `judge_failure`."""
    missing = scores.state.equals("missing")
    label, predicted = (
        np.nan_to_num(scores.numbers[name]) > 0
        for name in ("voxels_label", "voxels_prediction")
    )
    low = scores.dice < lowest  # not where there is none
    kinds = np.select(
        [missing, ~label & predicted, ~label, ~predicted, low],
        [_CODE[kind] for kind in _ORDER],
        _CODE["none"],
    )
    return WordColumn(_NAMES, kinds.astype(np.uint8))


def tabulate_failures(cases: Cases) -> Iterator[FailureRow]:
    """Each kind of failure by variant and domain; those that never happened too.

    Args:
        cases: all cases, judged.
    """
    keys: tuple[WordColumn[Any], ...] = cases.scores.variant, cases.design, cases.domain
    shape = *(len(key.names) for key in keys), 2
    codes = *(key.codes for key in keys), cases.in_domain.view(np.uint8)
    groups = np.ravel_multi_index(codes, shape)
    occurring = find_present(groups, math.prod(shape))
    counts = {kind: _count(cases, kind, groups) for kind in KINDS}
    false = cases.failure.equals("false_positive")
    volumes, groups = _measure_volumes(cases[false]), groups[false]
    for group in occurring:
        at = np.unravel_index(group, shape)
        variant, design, domain = (
            key.names[place] for key, place in zip(keys, at[:-1], strict=True)
        )
        for kind in KINDS:
            failures, possible, predictions = (int(n[group]) for n in counts[kind])
            own = volumes[groups == group] if kind == "false_positive" else volumes[:0]
            yield FailureRow(
                variant,
                design,
                domain,
                bool(at[-1]),
                kind,
                failures=failures,
                possible=possible,
                predictions=predictions,
                volume_ml=_average_known(own),
            )


def _count(cases: Cases, kind: FailureKind, groups: NDArray[np.intp]) -> list[Counts]:
    """Failures of one kind in each group, those possible, and predictions with any."""
    first, prediction = cases.predictions
    failed = cases.failure.equals(kind)
    any_failed = np.bincount(prediction[failed], minlength=len(first)) > 0
    return [
        np.bincount(chosen, minlength=groups.max(initial=-1) + 1)
        for chosen in (
            groups[failed],
            groups[_may_fail(cases, kind)],
            groups[first[any_failed]],
        )
    ]


def count_failures(cases: Cases) -> FailureCounts:
    """How many predictions there are and how many failed, by kind."""
    prediction = cases.predictions.of_row
    kinds = {
        kind: count_distinct(prediction[cases.failure.equals(kind)]) for kind in KINDS
    }
    return FailureCounts(
        count_distinct(prediction),
        count_distinct(prediction[cases.failed]),
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


def _may_fail(cases: Cases, kind: FailureKind) -> NDArray[np.bool_]:
    """Which cases could have failed in one way."""
    if kind == "missing":
        return np.ones(len(cases), dtype=np.bool_)
    occurs = np.nan_to_num(cases.scores.numbers["voxels_label"]) > 0
    there = ~cases.scores.state.equals("missing")
    return np.asarray(there & (occurs == (kind != "false_positive")))


def _measure_volumes(cases: Cases) -> NDArray[np.float64]:
    """Volumes of what was predicted, in ml; NaN where it is not known."""
    if not len(cases):
        return np.empty(0)
    numbers = cases.scores.numbers
    return np.asarray(numbers["voxels_prediction"] * numbers["voxel_ml"])


def _average_known(numbers: NDArray[np.float64]) -> float | None:
    """The mean of the known numbers; ``None`` if there are none."""
    known = numbers[~np.isnan(numbers)]
    return fmean(known.tolist()) if len(known) else None
