"""In the final split all scans train; it is in no table that others read."""

from collections import Counter

import pytest

from medinorm.config import SplitConfig
from medinorm.errors import StageError
from medinorm.files.records import read_records, write_records
from medinorm.records.scans import FINAL, SplitRow
from medinorm.split.final import write_final_split
from tests.split.tables import run_split, study


def final(folder, **settings):
    path = folder / "final_split.tsv"
    config = SplitConfig(**{"folds": 2} | settings)
    write_final_split(folder / "splits.tsv", path, settings=config)
    return read_records(path, SplitRow)


def test_all_scans_train_once_and_none_tests(tmp_path):
    rows = study(a=8, b=6, c=4)
    splits, _ = run_split(tmp_path, rows)
    made = final(tmp_path)
    assert Counter(row.scan for row in made) == Counter(row["scan"] for row in rows)
    assert {(row.split, row.design, row.role) for row in made} == {
        (FINAL, FINAL, "train")
    }
    assert FINAL not in {row["split"] for row in splits}
    assert not any(row.segmented for row in made)


def test_the_share_that_selects_weights_is_that_of_the_study(tmp_path):
    run_split(tmp_path, study(a=8, b=6), validation_fraction=0.25)
    made = final(tmp_path, validation_fraction=0.25)
    roles = Counter((row.domain, row.role) for row in made)
    assert roles == {
        ("a", "train"): 6,
        ("a", "validation"): 2,
        ("b", "train"): 4,
        ("b", "validation"): 2,
    }
    subjects = {role: {r.subject for r in made if r.role == role} for _, role in roles}
    assert not subjects["train"] & subjects["validation"]


def test_scans_that_only_test_and_those_without_labels_stay_out(tmp_path):
    rows = study(a=4, b=4)
    external = [
        row | {"cohort": "external", "subject": f"x{n}", "scan": f"x{n}"}
        for n, row in enumerate(rows[:2])
    ]
    inside = [row | {"label": "l"} for row in rows]
    bare = [{"scan": "u", "subject": "u", "scanner": "a", "label": ""}]
    table = [*inside, *({**row, "label": "l"} for row in external), *bare]
    run_split(tmp_path, table, test_only={"cohort": "external"})
    made = final(tmp_path)
    assert {row.scan for row in made} == {row["scan"] for row in rows}


def test_a_study_that_trains_nothing_has_no_final_split(tmp_path):
    row = SplitRow("all", "pooled", 0, "x", "x", "a", "unlabelled")
    write_records(tmp_path / "splits.tsv", [row], SplitRow)
    with pytest.raises(StageError, match="no scan trains"):
        final(tmp_path)
