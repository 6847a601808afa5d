"""Learning rates are chosen on validation scans only, and nothing trains twice."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from medinorm.config import HarmonizeConfig, NetworkConfig, TaskConfig, TrainConfig
from medinorm.config.train import AutoTrainConfig
from medinorm.errors import ConfigError, DamagedError, RunError, StageError
from medinorm.files.atomic import read_json
from medinorm.files.checksums import checksum_path
from medinorm.files.nifti import read_volume, write_volume
from medinorm.files.records import read_records, write_records
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.harmonize.stage import harmonize_scans
from medinorm.layout import harmonized_paths, rate_folder, run_folder
from medinorm.learning_rates.stage import choose_rate
from medinorm.records.learning_rates import RateRow
from medinorm.records.scans import SplitRow
from medinorm.train.model import model_path
from medinorm.train.segmenter import Segmenter
from medinorm.train.stage import train_networks

RATES = (1e-3, 1e-2, 3e-2)
TASK = TaskConfig(label_values={1: "shell", 2: "core"})
TINY = {
    "recipe": "fast",
    "network": NetworkConfig(channels=(4, 8)).model_dump(),
    **TrainConfig(patch=(12, 12, 12), steps=4).model_dump(
        include={"patch", "steps", "batch_size", "foreground_ratio"}
    ),
    "device": "cpu",
}


def settings(rates=RATES, **changes):
    return AutoTrainConfig.model_validate({**TINY, "learning_rate": rates, **changes})


VARIANT = {"intensity": "zscore", "norm": "instance", "augmentation": "flip"}


@pytest.fixture(scope="module")
def made(make_small_study, tmp_path_factory):
    """A harmonized study with a search, which tests only read or copy."""
    folder = tmp_path_factory.mktemp("rates")
    study = make_small_study(folder)
    rows = study.splits.read_text().splitlines()
    held = next(n for n, row in enumerate(rows) if re.match("lodo-a.*train", row))
    rows[held] = rows[held].replace("train", "validation")
    study.splits.write_text("\n".join(rows) + "\n")
    checksum_path(study.splits).unlink()  # a table of the user's own
    harmonize_scans(
        study.scans,
        study.canonical,
        folder / "harmonized",
        folder / "harmonized" / "status.tsv",
        intensity="zscore",
        fitted=None,
        shard=0,
        shards=1,
        settings=HarmonizeConfig(spacing=(2.0, 2.0, 2.0), foreground="image"),
    )
    search(folder)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "study")


def search(folder, given=None, **options):
    choose_rate(
        folder / "splits.tsv",
        folder / "harmonized",
        folder / "runs",
        folder / "runs" / "learning_rates.tsv",
        **(VARIANT | options),
        split="lodo-a",
        seed=0,
        task=TASK,
        settings=given or settings(),
    )
    return (folder / "runs" / "learning_rates.tsv").read_bytes()


def train(folder, given=None, *, searched=True, seeds=(0,)):
    table = folder / "runs" / "learning_rates.tsv"
    rows = train_networks(
        folder / "splits.tsv",
        folder / "harmonized",
        folder / "runs",
        folder / "runs" / "job-0.tsv",
        **VARIANT,
        split="lodo-a",
        seeds=seeds,
        task=TASK,
        learning_rates=table if searched else None,
        settings=given or settings(),
    )
    return [end.state for _, end in rows]


def rows_of(folder):
    return read_records(folder / "runs" / "learning_rates.tsv", RateRow)


def spoil_scans(folder, roles):
    """Change images and label maps of the scans of some roles."""
    rows = read_records(folder / "splits.tsv", SplitRow)
    scans = [r.scan for r in rows if r.split == "lodo-a" and r.role in roles]
    assert scans
    for scan in scans:
        for path in harmonized_paths(folder / "harmonized", scan):
            volume = read_volume(path)
            write_volume(
                volume.with_array(np.ascontiguousarray(volume.array[:, ::-1])), path
            )
            write_sidecar(path, Provenance({}, {}))


@pytest.fixture
def steps(monkeypatch):
    """The steps that are trained."""
    seen = []
    original = Segmenter.training_step

    def counted(self, batch, index):
        seen.append(self.global_step)
        return original(self, batch, index)

    monkeypatch.setattr(Segmenter, "training_step", counted)
    return seen


def test_the_rate_with_the_best_dice_is_chosen(made):
    rows = rows_of(made)
    assert tuple(row.rate for row in rows) == RATES
    best = max(row.validation_dice for row in rows)
    (chosen,) = (row for row in rows if row.chosen)
    assert chosen.validation_dice == best
    assert all(row.final_loss > 0 for row in rows)


def test_no_test_scan_has_a_part_in_the_choice(folder):
    before = (folder / "runs" / "learning_rates.tsv").read_bytes()
    shutil.rmtree(folder / "runs")
    spoil_scans(folder, {"test"})
    assert search(folder) == before


def test_a_validation_scan_has_a_part_and_trains_nothing(folder, steps):
    before = rows_of(folder)
    spoil_scans(folder, {"validation"})
    search(folder)
    after = rows_of(folder)
    dice = [[row.validation_dice for row in rows] for rows in (before, after)]
    assert dice[0] != dice[1]
    assert steps == []


def test_the_chosen_network_is_copied(folder, steps):
    assert train(folder, seeds=(0, 1)) == ["made", "made"]
    assert len(steps) == 4  # those of seed 1
    (rate,) = (row.rate for row in rows_of(folder) if row.chosen)
    runs = folder / "runs"
    own = run_folder(runs, 0)
    searched = run_folder(rate_folder(runs, rate), 0)
    for name in ("model.safetensors", "model.json", "history.tsv"):
        assert (own / name).read_bytes() == (searched / name).read_bytes()
    assert train(folder, settings((*RATES, 0.1))) == ["current"]


def test_the_copy_is_what_training_alone_makes(folder):
    train(folder)
    (rate,) = (row.rate for row in rows_of(folder) if row.chosen)
    copied = model_path(run_folder(folder / "runs", 0)).read_bytes()
    shutil.rmtree(folder / "runs")
    assert train(folder, settings(rate), searched=False) == ["made"]
    assert model_path(run_folder(folder / "runs", 0)).read_bytes() == copied


def test_a_killed_search_goes_on_to_the_same_table(folder, monkeypatch):
    before = (folder / "runs" / "learning_rates.tsv").read_bytes()
    shutil.rmtree(folder / "runs")
    original, seen = Segmenter.training_step, []

    def killed(self, batch, index):
        seen.append(1)
        if len(seen) == 6:
            raise KeyboardInterrupt
        return original(self, batch, index)

    monkeypatch.setattr(Segmenter, "training_step", killed)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        search(folder)
    assert search(folder) == before
    assert len(seen) < 6 + 3 * 4  # the first network was not trained again


def test_damaged_files_of_a_search_are_made_again(folder, steps):
    before = (folder / "runs" / "learning_rates.tsv").read_bytes()
    weights = model_path(run_folder(rate_folder(folder / "runs", RATES[0]), 0))
    weights.write_bytes(weights.read_bytes()[:-1])
    assert search(folder) == before
    assert len(steps) == 4
    table = folder / "runs" / "learning_rates.tsv"
    table.write_bytes(before + b"\n")
    with pytest.raises(DamagedError, match=r"learning_rates.tsv was changed"):
        train(folder)
    assert not table.exists()


def diverge(monkeypatch, from_rate):
    """Make the loss of large rates infinite."""
    original = Segmenter.training_step

    def diverged(self, batch, index):
        if self._settings.learning_rate >= from_rate:
            batch = batch | {"image": batch["image"] * float("nan")}
        return original(self, batch, index)

    monkeypatch.setattr(Segmenter, "training_step", diverged)


def test_a_rate_that_diverges_is_never_chosen(folder, monkeypatch):
    shutil.rmtree(folder / "runs")
    diverge(monkeypatch, 1e-2)
    search(folder)
    assert [row.validation_dice is None for row in rows_of(folder)] == [
        False,
        True,
        True,
    ]
    assert [row.chosen for row in rows_of(folder)] == [True, False, False]
    shutil.rmtree(folder / "runs")
    diverge(monkeypatch, 0)
    with pytest.raises(RunError, match=r"zscore \+ instance \+ flip, lodo-a: training"):
        search(folder)
    with pytest.raises(StageError, match="no learning rate of the settings is chosen"):
        train(folder)


def test_the_end_of_a_list_is_told(folder, caplog):
    (best,) = (row.rate for row in rows_of(folder) if row.chosen)
    worse = next(rate for rate in RATES if rate != best)
    search(folder, settings((best, worse)))
    assert "of the list; extend train.learning_rate" in caplog.text


def test_what_is_missing_is_one_line(folder):
    with pytest.raises(ConfigError, match="one number leaves no choice"):
        search(folder, settings(0.01))
    with pytest.raises(ConfigError, match="a list needs --learning-rates"):
        train(folder, searched=False)
    with pytest.raises(ConfigError, match="one number needs no --learning-rates"):
        train(folder, settings(0.01))
    rows = (folder / "splits.tsv").read_text()
    (folder / "splits.tsv").write_text(rows.replace("validation", "train"))
    with pytest.raises(StageError, match="needs validation scans of its training"):
        search(folder)
    (folder / "runs" / "learning_rates.tsv").unlink()
    with pytest.raises(StageError, match=r"learning_rates.tsv"):
        train(folder)


def test_another_choice_trains_again_and_the_same_one_does_not(folder, steps):
    """The choice is a cell of a table: networks of the old one are stale."""
    train(folder, seeds=(0, 1))
    assert train(folder, seeds=(0, 1)) == ["current", "current"]
    rows = rows_of(folder)
    other = next(row.rate for row in rows if not row.chosen)
    changed = [replace(row, chosen=row.rate == other) for row in rows]
    write_records(folder / "runs" / "learning_rates.tsv", changed, RateRow)
    steps.clear()
    assert train(folder, seeds=(0, 1)) == ["made", "made"]
    assert len(steps) == TINY["steps"]  # seed 0 is copied from the search
    recorded = read_json(run_folder(folder / "runs", 1) / "model.json")
    assert recorded["learning_rate"] == other
