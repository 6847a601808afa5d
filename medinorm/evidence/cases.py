"""The scores of a study, joined with its splits."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medinorm.choices import DesignName
from medinorm.columns.cases import Cases
from medinorm.columns.scores import ScoreColumns, read_scores
from medinorm.columns.words import Codes, WordColumn
from medinorm.config.score import FAILURE_DICE
from medinorm.errors import StageError
from medinorm.evidence.failures import judge_failures
from medinorm.files.records import read_records
from medinorm.records.scans import SplitRow


def read_cases(
    scores: Sequence[Path], splits: Path, lowest: float = FAILURE_DICE
) -> Cases:
    """Read all scores, with the design, domain and training set of each.

    Args:
        scores: score tables.
        splits: `splits.tsv`.
        lowest: a prediction with a Dice below it has failed.

    Returns:
        One case a score, by variant, design, training set, seed, scan and label.

    Raises:
        StageError: there is no score, one is listed twice, or scores and splits are not
            of the same study.
    """
    return join_cases(read_scores(scores), read_records(splits, SplitRow), lowest)


def join_cases(
    scores: ScoreColumns, roles: Sequence[SplitRow], lowest: float = FAILURE_DICE
) -> Cases:
    """As `read_cases`, of scores and roles that were read; use `scores` no more."""
    if not len(scores):
        raise StageError("no scores to compare; see the logs of predict and score")
    cases = _join_splits(scores, roles, lowest)
    keys = _keys(cases)
    order = np.lexsort(keys[::-1])
    if (np.diff(order) != 1).any():
        cases = cases.reorder(order)
        keys = _keys(cases)
    if np.logical_and.reduce([key[1:] == key[:-1] for key in keys]).any():
        raise StageError("a score is listed twice; remove stale score tables")
    return cases


def select_design(cases: Cases, design: DesignName, *, in_domain: bool) -> Cases:
    """The cases of one design, on domains that its networks saw or did not see."""
    known = cases.in_domain if in_domain else ~cases.in_domain
    chosen: NDArray[np.bool_] = cases.design.equals(design) & known
    return cases[chosen]


def _keys(cases: Cases) -> list[Codes]:
    """What distinguishes a case from all others; cases are sorted by it."""
    scores = cases.scores
    columns = (
        *(scores.variant, cases.design, cases.train_set),
        *(scores.seed, scores.scan, scores.label),
    )
    return [column.codes for column in columns]


def _join_splits(
    scores: ScoreColumns, splits: Sequence[SplitRow], lowest: float
) -> Cases:
    """Add what `splits.tsv` knows about each score."""
    _refuse_leaks(splits)
    tests = [row for row in splits if row.role == "test"]
    rows = _find_rows(scores, tests)
    if (rows < 0).any():
        raise StageError(
            "scores and splits.tsv are not of the same study: a scored scan is no test "
            "scan of its split; score again"
        )
    trained = {(row.split, row.domain) for row in splits if row.role == "train"}
    in_domain = [(row.split, row.domain) in trained for row in tests]
    return Cases(
        scores=scores,
        design=WordColumn.of(row.design for row in tests)[rows],
        fold=WordColumn.of(row.fold for row in tests)[rows],
        train_set=WordColumn.of(
            row.split.removesuffix(f"_fold-{row.fold}") for row in tests
        )[rows],
        subject=WordColumn.of(row.subject for row in tests)[rows],
        domain=WordColumn.of(row.domain for row in tests)[rows],
        in_domain=np.array(in_domain, dtype=np.bool_)[rows],
        failure=judge_failures(scores, lowest),
    )


def _find_rows(scores: ScoreColumns, tests: Sequence[SplitRow]) -> NDArray[np.int32]:
    """Which of the test scans each score is of; -1 where it is of none."""
    split_place = {name: place for place, name in enumerate(scores.split.names)}
    scan_place = {name: place for place, name in enumerate(scores.scan.names)}
    rows = np.full((len(split_place), len(scan_place)), -1, dtype=np.int32)
    for number, row in enumerate(tests):
        if row.split in split_place and row.scan in scan_place:
            rows[split_place[row.split], scan_place[row.scan]] = number
    return np.asarray(rows[scores.split.codes, scores.scan.codes])


def _refuse_leaks(splits: Sequence[SplitRow]) -> None:
    """Check that no subject is on both sides of a split."""
    tested = {(row.split, row.subject) for row in splits if row.role == "test"}
    learned = [row for row in splits if row.role in {"train", "validation"}]
    if any((row.split, row.subject) in tested for row in learned):
        raise StageError(
            "a subject trains and tests in the same split; split again and train anew"
        )
