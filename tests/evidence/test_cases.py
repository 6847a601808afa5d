"""Scores and splits are joined, or refused."""

import numpy as np
import pytest

from medinorm.errors import StageError
from medinorm.evidence.cases import find_axes, gather_scores, read_cases
from medinorm.files.tables import write_table
from medinorm.scan import SCORE_COLUMNS, SPLIT_COLUMNS

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

    def read(*tables, roles=ROLES):
        paths = []
        for number, rows in enumerate(tables):
            paths.append(tmp_path / f"scores-{number}.tsv")
            write_table(paths[-1], rows, SCORE_COLUMNS)
        write_table(tmp_path / "splits.tsv", roles, SPLIT_COLUMNS)
        return read_cases(paths, tmp_path / "splits.tsv")

    return read


def test_each_score_knows_its_design_and_whether_its_domain_was_trained_on(read):
    cases = read([ROW], [{**ROW, "scan": "b"}]).set_index("scan")
    assert list(cases["in_domain"]) == ["no", "yes"]
    assert list(cases["train_set"]) == ["lodo-ge"] * 2
    assert list(cases["domain"]) == ["ge", "philips"]
    assert list(cases["subject"]) == ["A", "B"]


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({}, "no"),
        ({"state": "missing", "voxels_prediction": None}, "yes"),
        ({"voxels_prediction": 0, "dice": 0.0}, "yes"),
        ({"voxels_label": 0, "dice": 0.0}, "yes"),
        ({"state": "empty", "voxels_label": 0, "voxels_prediction": 0}, "no"),
        ({"dice": 0.0}, "no"),  # both are there, but apart
    ],
)
def test_what_counts_as_a_failure(read, change, failure):
    assert list(read([{**ROW, **change}])["failure"]) == [failure]


def test_a_score_listed_twice_is_refused(read):
    with pytest.raises(StageError, match="twice"):
        read([ROW], [ROW])


def test_the_order_of_the_tables_does_not_matter(read):
    one, other = [ROW], [{**ROW, "scan": "b"}]
    assert read(one, other).equals(read(other, one))


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
    with pytest.raises(StageError, match="where a number belongs"):
        read([{**ROW, "dice": "good"}])


def test_no_scores_are_refused(read):
    with pytest.raises(StageError, match="no scores"):
        read([])


def test_scores_find_their_place_on_the_axes(read):
    rows = [
        {**ROW, "scan": scan, "seed": seed, "label": label, "dice": dice}
        for dice, (scan, seed, label) in enumerate(
            (scan, seed, label) for scan in "ab" for seed in (3, 5) for label in (1, 4)
        )
    ]
    cases = read(rows[:-1])  # the last is absent
    axes = find_axes(cases)
    assert (axes.scans, axes.seeds, axes.labels) == (("a", "b"), (3, 5), (1, 4))
    scores = gather_scores(cases, axes)
    np.testing.assert_array_equal(scores.dice[0, 0], [[0, 2], [4, 6]])
    np.testing.assert_array_equal(scores.dice[0, 1], [[1, 3], [5, np.nan]])
    np.testing.assert_array_equal(scores.dice[0, 2], [[0.5, 2.5], [4.5, 6]])
    assert not scores.seen[0, 1, 1, 1]
