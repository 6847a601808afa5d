"""Scores and splits are joined, or refused."""

import pytest

from medinorm.errors import StageError
from medinorm.evidence.cases import read_cases, select_design
from medinorm.files.records import column_names
from medinorm.files.tables import write_table
from medinorm.records.scans import SplitRow
from medinorm.records.scores import ScoreRow

ROW = {
    "intensity": "zscore",
    "norm": "batch",
    "adapt": "none",
    "split": "lodo-ge_fold-1",
    "seed": 3,
    "scan": "a",
    "label": 1,
    "state": "scored",
    "dice": 0.5,
    "nsd": 0.25,
    "hd95": 4.0,
    "voxels_label": 10,
    "voxels_prediction": 12,
}
ROLE = {"split": "lodo-ge_fold-1", "design": "lodo", "fold": 1, "role": "test"}
ROLES = [
    {**ROLE, "scan": "a", "subject": "A", "domain": "ge"},
    {**ROLE, "scan": "b", "subject": "B", "domain": "philips"},
    {**ROLE, "scan": "t", "subject": "T", "domain": "philips", "role": "train"},
]


@pytest.fixture
def read(tmp_path):
    """Reads cases from rows of scores (one table each) and roles."""

    def read(*tables, roles=ROLES, lowest=0.5):
        paths = []
        for number, rows in enumerate(tables):
            paths.append(tmp_path / f"scores-{number}.tsv")
            write_table(paths[-1], rows, column_names(ScoreRow))
        write_table(tmp_path / "splits.tsv", roles, column_names(SplitRow))
        return read_cases(paths, tmp_path / "splits.tsv", lowest)

    return read


def test_each_score_knows_its_design_and_whether_its_domain_was_trained_on(read):
    cases = read([ROW], [{**ROW, "scan": "b"}])
    assert [case.in_domain for case in cases] == [False, True]
    assert [case.train_set for case in cases] == ["lodo-ge"] * 2
    assert [case.domain for case in cases] == ["ge", "philips"]
    assert [case.subject for case in cases] == ["A", "B"]
    assert list(select_design(cases, "lodo", in_domain=False)) == [cases[0]]
    assert not len(select_design(cases, "pooled", in_domain=False))


@pytest.mark.parametrize(("lowest", "kind"), [(0.5, "none"), (0.51, "low")])
def test_a_dice_below_the_limit_is_a_failure(read, lowest, kind):
    (case,) = read([ROW], lowest=lowest)
    assert (case.failure, case.failed) == (kind, kind != "none")


def test_a_score_listed_twice_is_refused(read):
    with pytest.raises(StageError, match="twice"):
        read([ROW], [ROW])


def test_the_order_of_the_tables_does_not_matter(read):
    one, other = [ROW], [{**ROW, "scan": "b"}]
    assert list(read(one, other)) == list(read(other, one))
    assert [case.score.scan for case in read(other, one)] == ["a", "b"]


@pytest.mark.parametrize("change", [{"split": "pooled"}, {"scan": "t"}, {"scan": "x"}])
def test_scores_of_another_study_are_refused(read, change):
    with pytest.raises(StageError, match="not of the same study"):
        read([{**ROW, **change}])


def test_a_subject_on_both_sides_of_a_split_is_refused(read):
    leak = {**ROLE, "scan": "a2", "subject": "A", "domain": "philips", "role": "train"}
    with pytest.raises(StageError, match="trains and tests"):
        read([ROW], roles=[*ROLES, leak])
    elsewhere = leak | {"split": "lodo-ge_fold-0", "fold": 0}
    assert len(read([ROW], roles=[*ROLES, elsewhere])) == 1


def test_text_where_a_number_belongs_is_refused(read):
    with pytest.raises(StageError, match="column 'dice' has a cell of the wrong type"):
        read([{**ROW, "dice": "good"}])


def test_no_scores_are_refused(read):
    with pytest.raises(StageError, match="no scores"):
        read([])
