"""Scans without a label map have a role of their own, and change no one else's."""

import pytest

from medinorm.files.records import read_records
from medinorm.records.scans import SplitRow, is_harmonized_only
from tests.split.tables import run_split, study

DESIGNS = {"designs": ("pooled", "lodo"), "test_folds": 2}


def labelled(rows, label="l.nii.gz"):
    return [row | {"label": label} for row in rows]


@pytest.fixture
def rows():
    return labelled(study(a=8, b=6))


def test_they_never_train_or_test_and_change_nothing_for_the_others(tmp_path, rows):
    alone, _ = run_split(tmp_path, rows, **DESIGNS)
    second = {"scan": "second", "subject": "a0", "scanner": "a"}
    more = labelled([*study(c=3), second], "")
    splits, excluded = run_split(tmp_path, [*rows, *more], **DESIGNS)
    theirs = {row["scan"] for row in more}
    assert [row for row in splits if row["scan"] not in theirs] == alone
    own = [row for row in splits if row["scan"] in theirs]
    assert {row["role"] for row in own} == {"unlabelled"}
    assert len(own) == len(theirs) * len({row["split"] for row in alone})
    assert excluded == []
    read = read_records(tmp_path / "splits.tsv", SplitRow)
    segmented = {row.split for row in read if row.scan in theirs and row.segmented}
    assert segmented == {"pooled_fold-0"}
    assert not is_harmonized_only(read)


def test_a_study_without_label_maps_has_one_split_of_all(tmp_path, caplog):
    rows = labelled(study(a=1), "")
    rows.append({"scan": "x", "subject": "x", "scanner": "", "label": ""})
    splits, _ = run_split(tmp_path, rows, **DESIGNS)
    assert {(row["split"], row["role"]) for row in splits} == {("all", "unlabelled")}
    assert "harmonized only: no scan has a label map" in caplog.text
    assert is_harmonized_only(read_records(tmp_path / "splits.tsv", SplitRow))
