"""The scores of a study, joined with its splits."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from medinorm.choices import DesignName
from medinorm.config.score import FAILURE_DICE
from medinorm.errors import StageError
from medinorm.evidence.failures import judge_failure
from medinorm.files.records import read_records
from medinorm.records.evidence import CaseRow
from medinorm.records.scans import SplitRow
from medinorm.records.scores import ScoreRow

Key = tuple[object, ...]


def read_cases(
    scores: Sequence[Path], splits: Path, lowest: float = FAILURE_DICE
) -> list[CaseRow]:
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
    rows = [row for path in scores for row in read_records(path, ScoreRow)]
    if not rows:
        raise StageError("no scores to compare; see the logs of predict and score")
    cases = _join_splits(rows, read_records(splits, SplitRow), lowest)
    cases.sort(key=_key)
    if any(_key(one) == _key(other) for one, other in pairwise(cases)):
        raise StageError("a score is listed twice; remove stale score tables")
    return cases


def select_design(
    cases: Sequence[CaseRow], design: DesignName, *, in_domain: bool
) -> list[CaseRow]:
    """The cases of one design, on domains that its networks saw or did not see."""
    return [
        case for case in cases if case.design == design and case.in_domain == in_domain
    ]


def _key(case: CaseRow) -> tuple[Key, str, str, int, str, int]:
    """What distinguishes a case from all others; cases are sorted by it."""
    score = case.score
    return (
        *(score.variant, case.design, case.train_set),
        *(score.seed, score.scan, score.label),
    )


def _join_splits(
    scores: Sequence[ScoreRow], splits: Sequence[SplitRow], lowest: float
) -> list[CaseRow]:
    """Add what `splits.tsv` knows about each score."""
    tests = {(row.split, row.scan): row for row in splits if row.role == "test"}
    _refuse_leaks(splits)
    if any((score.split, score.scan) not in tests for score in scores):
        raise StageError(
            "scores and splits.tsv are not of the same study: a scored scan is no test "
            "scan of its split; score again"
        )
    trained = {(row.split, row.domain) for row in splits if row.role == "train"}
    return [_join(score, tests, trained, lowest) for score in scores]


def _join(
    score: ScoreRow,
    tests: Mapping[tuple[str, str], SplitRow],
    trained: set[tuple[str, str]],
    lowest: float,
) -> CaseRow:
    """Add to one score what the table of splits knows about it."""
    test = tests[score.split, score.scan]
    return CaseRow(
        score=score,
        design=test.design,
        fold=test.fold,
        train_set=score.split.removesuffix(f"_fold-{test.fold}"),
        subject=test.subject,
        domain=test.domain,
        in_domain=(score.split, test.domain) in trained,
        failure=judge_failure(score, lowest),
    )


def _refuse_leaks(splits: Sequence[SplitRow]) -> None:
    """Check that no subject is on both sides of a split."""
    tested = {(row.split, row.subject) for row in splits if row.role == "test"}
    learned = [row for row in splits if row.role in {"train", "validation"}]
    if any((row.split, row.subject) in tested for row in learned):
        raise StageError(
            "a subject trains and tests in the same split; split again and train anew"
        )
