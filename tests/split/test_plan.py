"""Splits by design and fold, and what size they are to have."""

from medinorm.config import SplitConfig
from medinorm.split.plan import plan_splits


def test_each_fold_has_all_designs():
    settings = SplitConfig(designs=("pooled", "lodo"), test_folds=2)
    assert [split.name for split in plan_splits("BA", settings)] == [
        *("pooled_fold-0", "lodo-A_fold-0", "lodo-B_fold-0"),
        *("pooled_fold-1", "lodo-A_fold-1", "lodo-B_fold-1"),
    ]


def test_a_sized_split_has_the_size_of_its_counterpart():
    settings = SplitConfig(designs=("lodo", "size_matched"))
    splits = {split.name: split for split in plan_splits("ABC", settings)}
    assert splits["size_matched-B"].domains == set("ABC")
    assert splits["size_matched-B"].sized_as == splits["lodo-B"].domains == set("AC")
    assert splits["lodo-B"].sized_as is None
