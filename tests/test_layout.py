"""Where files live: each place once, below the study's own two folders."""

import string
from pathlib import Path

import pytest

from medinorm.config import StudyConfig
from medinorm.layout import (
    Layout,
    fill,
    harmonized_paths,
    map_of,
    named_paths,
    run_folder,
    split_runs,
)
from medinorm.variant import Variant

WILDCARDS = {
    *("shard", "job", "intensity", "norm", "augmentation", "adapt", "map", "split"),
}


@pytest.fixture
def layout():
    return Layout.of(StudyConfig(results="results/mine", private="private/mine"))


def places(layout):
    """All paths, by the name of their property."""
    names = [n for n, v in vars(Layout).items() if isinstance(v, property)]
    found = {name: getattr(layout, name) for name in names}
    return {name: path for name, path in found.items() if isinstance(path, str)}


def test_no_two_things_live_in_one_place(layout):
    paths = places(layout)
    assert len(set(paths.values())) == len(paths)


def test_all_is_below_the_folders_of_the_study(layout):
    for name, path in places(layout).items():
        assert path.startswith(("results/mine/", "private/mine/")), name


def test_only_known_wildcards_are_in_paths(layout):
    for name, path in places(layout).items():
        fields = {field for _, _, field, _ in string.Formatter().parse(path) if field}
        assert fields <= WILDCARDS, name


def test_fitted_methods_have_a_map_for_each_split():
    assert map_of("nyul", "lodo-a") == "lodo-a"
    assert map_of("zscore", "lodo-a") == map_of("zscore", "pooled") == "shared"


def test_compressed_scans_are_taken_where_they_are(tmp_path):
    assert harmonized_paths(tmp_path, "sub-1")[0].suffix == ".nii"
    packed, _ = named_paths(tmp_path, "sub-1", compress=True)
    packed.touch()
    assert harmonized_paths(tmp_path, "sub-1")[0] == packed
    assert run_folder(Path("x"), 2) == Path("x/seed-2")


def test_runs_of_a_split_are_where_training_writes_them(layout):
    variant = Variant("zscore", "ibn", "flip", "tent")
    found = split_runs(Path(layout.runs_root), variant, "lodo-a")
    assert str(found) == fill(layout.runs, **variant._asdict(), split="lodo-a")
    assert not set("{}") & set(str(found))


def test_only_named_wildcards_are_filled():
    assert fill("my {shard} {x}/{job}", job=3) == "my {shard} {x}/3"


def test_nothing_that_is_written_is_superseded(layout):
    for path in places(layout).values():
        filled = fill(path, **dict.fromkeys(WILDCARDS, "0"))
        assert not [old for old in layout.superseded if Path(filled).match(old)]
