"""Scans that only test never train, select weights or fit, and change no one's role."""

import pytest

from medinorm.config import SplitConfig
from medinorm.errors import StageError
from tests.split.tables import run_split, study

DESIGNS = ("pooled", "lodo", "size_matched", "single")
SETTINGS = {
    "designs": DESIGNS,
    "test_folds": 2,
    "validation_fraction": 0.2,
    "test_only": {"cohort": "Elsewhere"},
}


def with_cohorts(rows, cohort="here"):
    return [row | {"cohort": cohort} for row in rows]


def outside(**subjects):
    """Scans of other people, marked."""
    return [
        {**row, "scan": f"x-{row['scan']}", "subject": f"x{row['subject']}"}
        for row in with_cohorts(study(**subjects), "elsewhere ")
    ]


@pytest.fixture
def rows():
    return with_cohorts(study(a=9, b=6, c=5))


def test_external_scans_only_test(tmp_path, rows):
    splits, excluded = run_split(tmp_path, [*rows, *outside(a=4, d=1)], **SETTINGS)
    theirs = [row for row in splits if row["scan"].startswith("x-")]
    assert {row["role"] for row in theirs} == {"test"}
    assert {row["domain"] for row in theirs} == {"external a", "external d"}
    assert {row["split"] for row in theirs} == {
        *("pooled_fold-0", "single-a_fold-0", "single-b_fold-0", "single-c_fold-0"),
    }
    assert excluded == []


def test_they_change_nothing_for_the_others(tmp_path, rows):
    alone, _ = run_split(tmp_path, rows, **{**SETTINGS, "test_only": {}})
    splits, _ = run_split(tmp_path, [*rows, *outside(a=4, d=1)], **SETTINGS)
    assert [row for row in splits if not row["scan"].startswith("x-")] == alone


def test_a_subject_that_may_train_does_not_test_as_external(tmp_path, rows):
    mixed = {"scan": "x-a0", "subject": "a0", "scanner": "a", "cohort": "elsewhere"}
    splits, excluded = run_split(tmp_path, [*rows, *outside(d=2), mixed], **SETTINGS)
    assert "x-a0" not in {row["scan"] for row in splits}
    (row,) = excluded
    assert "its subject also has scans that may train" in row["reason"]


def test_a_value_or_column_that_is_nowhere_is_refused(tmp_path, rows):
    with pytest.raises(StageError, match=r"no scan of scans\.tsv has the value"):
        run_split(tmp_path, rows, **SETTINGS)
    with pytest.raises(StageError, match=r"split\.test_only: .* no column 'town'"):
        run_split(tmp_path, rows, **{**SETTINGS, "test_only": {"town": "elsewhere"}})


def test_a_domain_with_the_name_of_an_external_one_is_refused(tmp_path, rows):
    twins = [row | {"scanner": "external a"} for row in with_cohorts(study(e=4))]
    with pytest.raises(StageError, match="'external a' of the study has the name"):
        run_split(tmp_path, [*rows, *twins, *outside(a=2)], **SETTINGS)


def test_a_study_whose_networks_cannot_test_them_is_refused():
    with pytest.raises(ValueError, match="test_only needs pooled or single"):
        SplitConfig(designs=("lodo",), test_only={"cohort": "elsewhere"})
