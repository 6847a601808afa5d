"""One call at a time works on a study; what an earlier version left is deleted."""

import errno
import fcntl
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from medinorm.config import parse_study
from medinorm.errors import StageError
from medinorm.files.checksums import write_checksum
from medinorm.files.records import column_names
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.files.tables import write_table
from medinorm.layout import Layout
from medinorm.records.scans import SplitRow
from medinorm.workflow import start
from medinorm.workflow.start import (
    LOCK_NAME,
    count_networks,
    discard_superseded,
    find_same_networks,
    hold_results,
    keep_edited_files,
    show_if_silent,
)

OLD = [
    "runs/zscore/batch/pooled/batch-0.tsv",
    "predictions/zscore/batch/none/pooled/batch-0.tsv",
    "scores/zscore/batch/none/pooled/batch-12.tsv",
    "runs/zscore/batch/pooled/job-0.tsv",
    "predictions/zscore/batch/none/pooled/job-0.tsv",
    "predictions/zscore/batch/none/pooled/seed-0/sub-1.nii.gz",
    "predictions/zscore/batch/none/pooled/seed-0/sub-1.json",
    "scores/zscore/batch/none/pooled/job-0.tsv",
    "thumbnails/sub-1.png",
    "thumbnails/sub-1.json",
    "thumbnails/status/shard-0.tsv",
    "logs/thumbnails/0.log",
]
KEPT = [
    "runs/zscore/batch/pooled/seed-0/model.safetensors",
    "runs/zscore/batch/flip/pooled/job-0.tsv",
    "predictions/zscore/batch/flip/none/pooled/job-0.tsv",
    "predictions/zscore/batch/flip/none/pooled/seed-0/batch-1.nii.gz",
    "scores/zscore/batch/flip/none/pooled/job-0.tsv",
    "previews/sub-1.png",
    "logs/train/0.log",
]


def test_old_files_go_and_their_empty_folders(tmp_path):
    results = tmp_path / "my [results]"
    for name in [*OLD, *KEPT, "thumbnails.tsv"]:
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).touch()
    discard_superseded(Layout(str(results), "private"))
    left = {str(p.relative_to(results)) for p in results.rglob("*") if p.is_file()}
    assert left == {*KEPT, "thumbnails.tsv"}
    assert not (results / "thumbnails").exists()
    assert not (results / "scores/zscore/batch/none").exists()


def test_what_is_not_ours_stays(tmp_path):
    theirs = tmp_path / "thumbnails" / "poster.svg"
    theirs.parent.mkdir()
    theirs.touch()
    discard_superseded(Layout(str(tmp_path), "private"))
    assert theirs.exists()


def test_a_study_that_has_not_begun_is_left_alone(tmp_path):
    discard_superseded(Layout(str(tmp_path / "none"), "private"))
    assert list(tmp_path.iterdir()) == []


HOLD = (
    "import sys, time, pathlib; from medinorm.workflow.start import hold_results; "
    "hold_results(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def results(tmp_path, monkeypatch):
    held = []
    monkeypatch.setattr(start, "_held", held)
    yield tmp_path / "results"
    for one in held:
        one.close()


def test_a_live_lock_stops_the_next_call_and_a_stale_one_does_not(results):
    command = [sys.executable, "-c", HOLD, str(results)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StageError, match="another snakemake works on this study"):
            hold_results(results)
        other.kill()
        other.wait()
    assert (results / LOCK_NAME).exists()
    hold_results(results)


def test_other_results_are_free(results):
    hold_results(results)
    hold_results(results.with_name("other"))
    with pytest.raises(StageError, match="works on this study now"):
        hold_results(results)


def test_a_file_system_without_locks_is_told(results, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "none")

    monkeypatch.setattr(fcntl, "flock", refuse)
    hold_results(results)
    assert "knows no locks" in caplog.text


def changed_later(path, content):
    """Change a file as a person does, after its checksum was written."""
    path.write_bytes(content)
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


def test_what_a_person_changed_is_kept_before_snakemake_deletes_it(tmp_path, caplog):
    table = tmp_path / "evidence" / "verdict.tsv"
    label = tmp_path / "canonical" / "derivatives" / "sub-1_dseg.nii.gz"
    untouched = tmp_path / "scans.tsv"
    for path in (table, label, untouched):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"made")
    for path in (table, untouched):
        write_checksum(path)
    write_sidecar(label, Provenance({}, {}))
    keep_edited_files(tmp_path)
    assert not list(tmp_path.rglob("*.edited"))
    changed_later(untouched, b"made")  # saved without a change
    for path in (table, label):
        changed_later(path, b"mine")
    for _ in range(2):
        keep_edited_files(tmp_path)
    kept = {path.name: path.read_bytes() for path in tmp_path.rglob("*.edited*")}
    names = {"verdict.tsv.edited", "sub-1_dseg.nii.gz.edited"}
    assert kept == dict.fromkeys(names, b"mine")
    assert table.read_bytes() == b"mine"
    assert "verdict.tsv was changed since it was made and will be made" in caplog.text


def test_a_change_in_the_text_of_columns_is_told_to_change_nothing(tmp_path, caplog):
    text = tmp_path / "job-0.tsv"
    text.write_bytes(b"made")
    write_checksum(text)
    text.with_suffix(".parquet").touch()
    changed_later(text, b"mine")
    keep_edited_files(tmp_path)
    assert (tmp_path / "job-0.tsv.edited").read_bytes() == b"mine"
    assert "made and the study does not read it, but job-0.parquet; the" in caplog.text


@pytest.mark.parametrize(("quiet", "shown"), [("ALL", True), ("RULES", False)])
def test_a_line_is_shown_where_snakemake_hides_all(capsys, quiet, shown):
    for told in (None, [SimpleNamespace(name=quiet)]):
        show_if_silent("another snakemake works", told)
    assert capsys.readouterr().err.count("another snakemake works\n") == shown


def test_the_number_of_networks_is_told(tmp_path):
    study = parse_study({"experiments": {"norm": ["batch", "group"]}})
    splits = tmp_path / "splits.tsv"
    assert count_networks(study, splits) == (
        "6 networks for each split (1 intensity methods x 2 norms x 1 augmentations x "
        "3 seeds)"
    )
    rows = [{"split": name, "scan": n} for name in ("a", "b") for n in "xy"]
    write_table(splits, rows, column_names(SplitRow))
    assert count_networks(study, splits).startswith("12 networks: 2 splits x 1 inten")
    for final, number in ((True, 3), (("batch", "zscore/group"), 6)):
        more = study.model_copy(update={"final": final})
        told = count_networks(more, splits)
        assert told.endswith(f"; then {number} that train on all scans")
    splits.write_text(splits.read_text() + "c\tx\n")  # damaged: made again
    assert count_networks(study, splits).startswith("6 networks for each split")


SIDES = {"input": {"label_values": {1: "left kidney", 2: "right kidney"}}}
BOTH = {"experiments": {"augmentation": ["flip", "none"]}}


@pytest.mark.parametrize(
    ("study", "told"),
    [
        (SIDES | BOTH, True),
        (BOTH, False),
        (SIDES, False),
        (BOTH | {"train": {"mirror_axes": "none"}}, True),
        (BOTH | {"train": {"mirror_axes": "AS"}}, True),
        (SIDES | BOTH | {"train": {"mirror_axes": "RAS"}}, False),
    ],
)
def test_a_flip_that_flips_nothing_is_told_before_training(tmp_path, study, told):
    lines = find_same_networks(parse_study(study), tmp_path / "splits.tsv")
    assert [line.split(":")[0] for line in lines] == [
        "augmentations flip and none train the same networks"
    ] * told


def test_so_is_a_style_without_another_domain(tmp_path):
    experiments = {"augmentation": ["style", "standard"]}
    splits = tmp_path / "splits.tsv"
    single = {"designs": ["lodo", "single"]}
    study = parse_study({"experiments": experiments, "split": single})
    assert "in splits that train on one" in find_same_networks(study, splits)[0]
    study = parse_study({"experiments": experiments})
    assert find_same_networks(study, splits) == []
    rows = [
        {"split": split, "scan": domain, "domain": domain, "role": "train"}
        for split, domains in (("pooled", "ab"), ("lodo-a", "b"), ("lodo-b", "a"))
        for domain in domains
    ]
    write_table(splits, rows, column_names(SplitRow))
    assert "in 2 splits that train on one" in find_same_networks(study, splits)[0]


def test_the_search_among_learning_rates_is_counted(tmp_path):
    study = parse_study(
        {
            "experiments": {"norm": ["batch", "group"]},
            "train": {"learning_rate": [0.003, 0.01, 0.03]},
            "split": {"validation_fraction": 0.2},
        }
    )
    told = count_networks(study, tmp_path / "splits.tsv")
    assert told.startswith("10 networks for each split (1 intensity")
    assert told.endswith("3 seeds + 4 of the search among 3 learning rates)")
