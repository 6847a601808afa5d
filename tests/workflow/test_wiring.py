"""What the Snakefile is told: jobs for every variant, and no job twice."""

import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from medinorm.cli.flags import write_flags
from medinorm.cli.hidden_flags import expand_words
from medinorm.config import parse_study
from medinorm.files.records import column_names
from medinorm.files.tables import write_table
from medinorm.layout import Layout, map_of
from medinorm.records.scans import SplitRow
from medinorm.variant import Variant
from medinorm.workflow.wiring import (
    Wiring,
    ends_after_harmonize,
    write_rate_flags,
)


def wiring(**values):
    study = parse_study(values)
    return Wiring(study, Layout.of(study))


@pytest.fixture
def splits(tmp_path):
    path = tmp_path / "splits.tsv"
    rows = [{"split": name, "scan": n} for name in ("lodo-a", "pooled") for n in "xy"]
    write_table(path, rows, column_names(SplitRow))
    return str(path)


def test_every_combination_is_scored_once(splits):
    experiments = {
        "intensity": ["none", "zscore"],
        "norm": ["batch", "instance"],
        "augmentation": ["none", "flip"],
        "adapt": ["none", "batch_statistics"],
        "seeds": [0, 1, 2, 3],
        "runs_per_job": 3,
    }
    scores = wiring(experiments=experiments).scores(splits)
    assert len(scores) == len(set(scores)) == 2 * (2 + 1) * 2 * 2 * 2
    assert not [path for path in scores if "instance/flip/batch_statistics" in path]
    assert "results/scores/none/batch/flip/none/pooled/job-1.parquet" in scores


def test_a_strict_study_is_for_its_marker(splits):
    pages = ["results/report/report.html", "results/report/qc.html"]
    assert wiring().results(splits) == wiring().pages(splits) == pages
    assert wiring(strict=True).results(splits) == ["results/ingest/strict"]


def test_a_study_without_label_maps_is_for_its_harmonized_scans(tmp_path):
    path = tmp_path / "splits.tsv"
    assert not ends_after_harmonize(str(path))
    row = {"split": "all", "scan": "x", "role": "unlabelled"}
    write_table(path, [row], column_names(SplitRow))
    assert ends_after_harmonize(str(path))
    study = wiring(shards=1, experiments={"intensity": ["zscore", "nyul"]})
    assert study.pages(str(path)) == [
        "results/report/qc.html",
        "results/harmonized/zscore/shared/status/shard-0.tsv",
        "results/harmonized/nyul/all/status/shard-0.tsv",
    ]


def test_the_last_job_takes_the_seeds_that_are_left():
    study = wiring(experiments={"seeds": [5, 6, 7, 8], "runs_per_job": 3})
    assert [study.seeds("0"), study.seeds("1")] == ["5 6 7", "8"]


def test_more_seeds_leave_the_first_jobs_as_they_are():
    few = wiring(experiments={"seeds": [0, 1, 2]})
    more = wiring(experiments={"seeds": [0, 1, 2, 3, 4]})
    assert few.seeds("0") == more.seeds("0")


def test_fitted_methods_are_harmonized_for_each_split():
    assert map_of("population", "pooled") == "pooled"
    assert wiring().fitted("population", "pooled") == [
        "results/maps/population/pooled.json"
    ]
    assert wiring().fitted("zscore", "shared") == []


def test_the_demo_is_read_as_dicom():
    given = wiring().input
    assert [str(path) for path in given.dicom] == ["private/demo/dicom"]
    assert str(given.labels) == "private/demo/labels.tsv"
    assert wiring().input_tables == ["private/demo/labels.tsv"]
    own = wiring(input={"scans": "mine.tsv"})
    assert own.input_tables == []
    assert not own.input.dicom


def test_what_a_pacs_sends_is_read_as_dicom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pacs = {"host": "pacs", "protocol": "c-get", "dates": ["20240101", "20240131"]}
    study = wiring(input={"pacs": pacs, "labels": "labels.tsv"})
    assert [str(path) for path in study.input.dicom] == ["private/pacs/series"]
    assert study.input.pacs is None
    assert str(study.input.labels) == "labels.tsv"
    assert study.input_tables == ["private/pacs/fetched.tsv"]
    assert "c-get" in expand_words(study.fetch_flags.split())
    assert wiring().fetch_flags == ""


def test_what_may_name_a_patient_is_in_no_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "doe.tsv"
    table.write_text("subject\n")
    study = wiring(input={"scans": str(table)})
    commands = [study.index_flags, study.input_flags]
    assert not [command for command in commands if "doe" in command]
    for command in commands:
        path = Path(command.split()[1])
        assert path.parent == Path("private/flags")
        assert path.stat().st_mode & 0o077 == 0
        assert str(table) in expand_words(command.split())
    table.write_text("subject\nx\n")
    assert [study.index_flags, study.input_flags] != commands


def test_ratings_are_hidden_and_other_ratings_are_another_command(tmp_path):
    table = tmp_path / "doe.tsv"
    table.write_text("scan\trating\n")
    private = str(tmp_path / "private")
    study = wiring(split={"ratings": [str(table)]}, private=private)
    before = study.split_flags
    assert "doe" not in before
    assert str(table) in expand_words(shlex.split(before))
    assert study.split_flags == before
    table.write_text("scan\trating\nsub-1\tbad\n")
    assert study.split_flags != before
    assert wiring().split_flags == write_flags(wiring().study.split)


def test_harmonizing_is_told_its_map_and_what_it_uses():
    study = wiring(harmonize={"foreground": "positive", "compress": True})
    words = shlex.split(study.harmonize_flags("nyul", "lodo-a b"))
    assert words[:6] == [
        *("--fitted", "results/maps/nyul/lodo-a b.json"),
        *("--splits", "results/splits.tsv", "--split", "lodo-a b"),
    ]
    assert "positive" in words
    assert "--compress" in words
    assert "--no-compress" in shlex.split(study.fit_flags("nyul"))
    alone = shlex.split(study.harmonize_flags("none", "shared"))
    assert "--fitted" not in alone
    assert "positive" not in alone


def test_where_masks_lie_is_hidden_and_other_masks_are_another_command(tmp_path):
    masks = tmp_path / "DOE^JANE"
    masks.mkdir()
    (masks / "sub-1_T1w.nii.gz").touch()
    harmonize = {"foreground": "file", "masks": str(masks)}
    study = wiring(harmonize=harmonize, private=str(tmp_path / "private"))

    def commands():
        return [
            study.harmonize_flags("zscore", "shared"),
            study.fit_flags("population"),
            study.report_flags,
        ]

    before = commands()
    assert "DOE" not in " ".join(before)
    assert all(str(masks) in expand_words(shlex.split(flags)) for flags in before)
    (masks / "sub-2_T1w.nii.gz").touch()
    assert all(old != new for old, new in zip(before, commands(), strict=True))
    alone = study.harmonize_flags("none", "shared")
    assert str(masks) not in expand_words(shlex.split(alone))


COMPLETE = {
    "harmonize": {"spacing": [1, 1, 1]},
    "train": {
        "network": {
            "channels": [4, 8],
            "strides": [[2, 2, 2]],
            "kernels": [[3, 3, 3], [3, 3, 3]],
        },
        "patch": [8, 8, 8],
        "batch_size": 2,
        "steps": 3,
        "foreground_ratio": 0.5,
    },
}
PLAN = "--training-plan results/training_plan.json "


def flags_of(study):
    """Flags of all jobs that may need the plan."""
    return {
        "fit": study.fit_flags("nyul"),
        "harmonize": study.harmonize_flags("zscore", "shared"),
        "train": study.train_flags,
        "report": study.report_flags,
    }


def test_the_plan_is_read_where_it_decides():
    study = wiring()
    assert study.plan == study.plan_of_grid == ["results/training_plan.json"]
    assert all(PLAN in flags for flags in flags_of(study).values())
    complete = wiring(**COMPLETE)
    assert complete.plan == complete.plan_of_grid == []
    assert not any("plan" in flags for flags in flags_of(complete).values())


@pytest.mark.parametrize("name", ["patch", "batch_size", "steps", "foreground_ratio"])
def test_one_number_left_open_needs_the_plan_for_training_only(name):
    train = {key: value for key, value in COMPLETE["train"].items() if key != name}
    study = wiring(harmonize=COMPLETE["harmonize"], train=train)
    needing = {job for job, flags in flags_of(study).items() if PLAN in flags}
    assert needing == {"train", "report"}
    assert study.plan
    assert not study.plan_of_grid


def test_a_spacing_left_open_needs_the_plan():
    study = wiring(train=COMPLETE["train"])
    assert study.plan == study.plan_of_grid == ["results/training_plan.json"]


def test_a_changed_budget_makes_the_plan_again_and_no_job_before_it():
    few, more = (wiring(train={"budget": {"minutes": n}}) for n in (5, 50))
    assert few.plan_flags != more.plan_flags
    assert flags_of(few) == flags_of(more)


def test_a_list_of_learning_rates_is_searched_and_one_number_is_not():
    assert wiring().rates == []
    assert write_rate_flags([]) == ""
    searched = wiring(
        train={"learning_rate": [0.01, 0.003]}, split={"validation_fraction": 0.2}
    )
    (table,) = searched.rates
    assert table.endswith("/{split}/learning_rates.tsv")
    assert write_rate_flags(["a b.tsv"]) == "--learning-rates 'a b.tsv'"
    assert "--learning-rate 0.003 0.01 " in searched.train_flags


def test_a_training_job_asks_for_its_budget():
    def asked(**train):
        study = wiring(train=train, experiments={"seeds": [0, 1, 2], "runs_per_job": 2})
        jobs = study.training
        return jobs.networks, jobs.minutes, jobs.memory

    assert asked(budget={"minutes": 300, "memory": 8}) == (2, 300, 8)
    card = {"minutes": 1, "memory": 80, "where": "card"}
    assert asked(budget=card) == (2, 1, None)


FINAL_JOB = "results/runs/zscore/{}/flip/final/job-0.tsv"


def final(splits, best=None, **values):
    """The networks that train on all scans; the verdict must only be read if asked."""

    def verdict():
        assert best is not None
        return best

    norms = {"norm": ["batch", "instance"], "adapt": ["none", "tent"]}
    experiments = {**norms, "augmentation": ["flip"]}
    return wiring(experiments=experiments, **values).final(splits, verdict)


def test_nothing_is_trained_on_all_scans_unless_asked_for(splits):
    assert final(splits) == []


def test_named_variants_train_on_all_scans_without_the_verdict(splits):
    assert final(splits, final=["instance"]) == [FINAL_JOB.format("instance")]
    both = final(splits, final=["zscore/batch", "zscore + instance"])
    assert both == [FINAL_JOB.format(norm) for norm in ("batch", "instance")]


def test_the_best_of_the_verdict_trains_on_all_scans(splits, monkeypatch):
    known = SimpleNamespace(best=(Variant("zscore", "batch", "flip", "tent"),))
    monkeypatch.setattr("medinorm.workflow.wiring.read_verdict", lambda _: known)
    assert final(splits, "verdict.json", final=True) == [FINAL_JOB.format("batch")]
    known.best = ()
    assert final(splits, "verdict.json", final=True) == []


def test_a_study_without_label_maps_trains_nothing(tmp_path):
    path = tmp_path / "splits.tsv"
    row = {"split": "all", "scan": "x", "role": "unlabelled"}
    write_table(path, [row], column_names(SplitRow))
    assert final(str(path), final=True) == []


def test_the_final_split_is_a_table_of_its_own(splits):
    study = wiring(final=True, experiments={"intensity": ["nyul"]})
    assert study.splits_of("final") == "results/final_split.tsv"
    assert study.splits_of("pooled") == study.layout.splits
    flags = study.harmonize_flags("nyul", "final")
    assert "--splits results/final_split.tsv --split final" in flags
    for made in (study.scores(splits), study.shown(splits), study.predicted(splits)):
        assert not any("/final/" in path for path in made)


def test_dice_is_expected_from_networks_that_left_a_domain_out(tmp_path):
    path = tmp_path / "splits.tsv"
    rows = [
        {"split": name, "design": name.partition("-")[0], "scan": "x"}
        for name in ("lodo-a", "lodo-b", "pooled", "single-a")
    ]
    write_table(path, rows, column_names(SplitRow))
    tables = wiring(experiments={"norm": ["batch"]}).predicted(str(path))
    assert [Path(table).parent.name for table in tables] == ["lodo-a", "lodo-b"]
