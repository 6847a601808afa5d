"""Training: what is current stays, what was interrupted resumes to the same network."""

import io
import os
import re
import shutil
import signal
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.io_wrapper import IsSummaryEventsFile

from medinorm.choices import NormName
from medinorm.config import NetworkConfig, TaskConfig, TrainConfig
from medinorm.config.recipes import RECIPES
from medinorm.errors import ConfigError, RunError
from medinorm.files.atomic import read_json
from medinorm.files.checksums import checksum_path
from medinorm.files.nifti import read_volume, write_volume
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.files.tables import read_table
from medinorm.jobs.processes import run_in_processes
from medinorm.layout import harmonized_paths, run_folder
from medinorm.train import stage
from medinorm.train.augmentations import AUGMENTATIONS
from medinorm.train.model import model_path, read_model
from medinorm.train.segmenter import Segmenter

TASK = TaskConfig(label_values={1: "shell", 2: "core"})
SETTINGS = TrainConfig(
    recipe="fast",
    network=NetworkConfig(channels=(4, 8)),
    patch=(12, 12, 12),
    steps=6,
    checkpoint_steps=2,
    learning_rate=1e-2,
    device="cpu",
)


def train(study, harmonized, seeds=(0,), settings=SETTINGS, **options):
    runs = study.folder / "runs"
    status = runs / "status.tsv"
    rows = stage.train_networks(
        study.splits,
        harmonized,
        runs,
        status,
        intensity="zscore",
        norm=options.get("norm", "instance"),
        norm_options=options.get("norm_options", "{}"),
        augmentation=options.get("augmentation", "flip"),
        split="lodo-a",
        seeds=seeds,
        task=TASK,
        settings=settings,
    )
    return runs, [end.state for _, end in rows]


def weights(runs, seed=0):
    return load_file(model_path(run_folder(runs, seed)))


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def event_files(run):
    """Names of the files for TensorBoard, in its order."""
    names = (path.name for path in (run / "tensorboard").iterdir())
    return sorted(name for name in names if IsSummaryEventsFile(name))


def read_losses(run):
    """The steps whose loss TensorBoard shows."""
    events = EventAccumulator(str(run / "tensorboard"), purge_orphaned_data=False)
    events.Reload()
    return [event.step for event in events.Scalars("loss")]


def test_a_run_leaves_weights_card_and_history(small_study, harmonized):
    runs, states = train(small_study, harmonized, seeds=(0, 1))
    assert states == ["made", "made"]
    assert not same(weights(runs, 0), weights(runs, 1))
    run = run_folder(runs, 0)
    assert not (run / "checkpoints").exists()
    assert event_files(run) == ["events.out.tfevents.000"]
    assert [row["step"] for row in read_table(run / "history.tsv")] == ["2", "4", "6"]
    dice = [row["train_dice"] for row in read_table(run / "history.tsv")]
    assert 0 <= float(dice[0]) <= 1
    card = read_json(run / "model.json")
    assert card["parameters"] == sum(w.numel() for w in weights(runs).values())
    assert card["seconds_per_step"] > 0
    assert card["card"]["label_values"] == [1, 2]
    network, _ = read_model(run)
    assert same(dict(network.state_dict()), weights(runs))


def test_a_cluster_is_no_reason_to_fail_or_to_show_paths(
    small_study, harmonized, monkeypatch, tmp_path, caplog, capfd
):
    """Where `srun` is, Lightning hints at it with the path of the command."""
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(srun.parent), prepend=os.pathsep)
    assert train(small_study, harmonized)[1] == ["made"]
    assert "srun" not in caplog.text + "".join(capfd.readouterr())


def test_a_current_run_is_left_alone_and_a_changed_one_is_not(small_study, harmonized):
    train(small_study, harmonized)
    assert train(small_study, harmonized)[1] == ["current"]
    faster = SETTINGS.model_copy(update={"learning_rate": 2e-2})
    assert train(small_study, harmonized, settings=faster)[1] == ["made"]


def kill_at(monkeypatch, count):
    """Kill the run at its step `count`, from 1; the steps that are started."""
    steps = []
    original = Segmenter.training_step

    def killed(self, batch, index):
        steps.append(self.global_step)
        if len(steps) == count:
            raise KeyboardInterrupt
        return original(self, batch, index)

    monkeypatch.setattr(Segmenter, "training_step", killed)
    return steps


def interrupt(monkeypatch, count, *study, **options):
    """Train until the run is killed at its step `count`; the steps that are started."""
    steps = kill_at(monkeypatch, count)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(*study, **options)
    return steps


def test_files_of_a_user_stay_when_a_network_is_trained_again(small_study, harmonized):
    settings = SETTINGS.model_copy(update={"steps": 2})
    runs, _ = train(small_study, harmonized, settings=settings)
    run = run_folder(runs, 0)
    (run / "notes.txt").write_text("mine")
    (run / ".7-model.json").write_text("left by a kill")
    before = (run / "tensorboard" / "events.out.tfevents.000").read_bytes()
    changed = settings.model_copy(update={"steps": 1})
    _, states = train(small_study, harmonized, settings=changed)
    assert states == ["made"]
    assert (run / "notes.txt").read_text() == "mine"
    assert not (run / ".7-model.json").exists()
    assert event_files(run) == ["events.out.tfevents.000"]
    assert (run / "tensorboard" / "events.out.tfevents.000").read_bytes() != before


@pytest.mark.parametrize("count", [5, 6])  # with and without a short last stretch
def test_an_interrupted_run_resumes_to_the_same_network(
    small_study, harmonized, monkeypatch, count
):
    settings = SETTINGS.model_copy(update={"steps": count})
    runs, _ = train(small_study, harmonized, settings=settings)
    expected = weights(runs)
    shutil.rmtree(runs)
    steps = interrupt(monkeypatch, 5, small_study, harmonized, settings=settings)
    _, states = train(small_study, harmonized, settings=settings)
    assert states == ["made"]
    assert steps == [0, 1, 2, 3, 4, *range(4, count)]  # from the checkpoint after 4
    assert same(weights(runs), expected)
    history = read_table(run_folder(runs, 0) / "history.tsv")
    assert [row["step"] for row in history] == ["2", "4", str(count)]
    files = ["events.out.tfevents.000", "events.out.tfevents.001"]
    assert event_files(run_folder(runs, 0)) == files
    last_steps = [1, 3, count - 1]  # of each stretch
    assert read_losses(run_folder(runs, 0)) == last_steps


@pytest.mark.parametrize("norm", get_args(NormName))
def test_every_norm_resumes_to_the_same_network(
    small_study, harmonized, monkeypatch, norm
):
    """Its random numbers and running statistics too."""
    settings = SETTINGS.model_copy(update={"steps": 4})
    runs, _ = train(small_study, harmonized, settings=settings, norm=norm)
    expected = weights(runs)
    shutil.rmtree(runs)
    interrupt(monkeypatch, 4, small_study, harmonized, settings=settings, norm=norm)
    train(small_study, harmonized, settings=settings, norm=norm)
    assert same(weights(runs), expected)


@pytest.mark.parametrize(
    ("recipe", "augmentation"),
    [("fast", "flip"), *(("standard", name) for name in AUGMENTATIONS)],
)
def test_every_recipe_and_augmentation_resumes_to_the_same_network(
    small_study, harmonized, monkeypatch, recipe, augmentation
):
    kept = SETTINGS.model_dump(exclude={*RECIPES[recipe].defaults})
    settings = TrainConfig(**(kept | {"steps": 4, "recipe": recipe}))
    options = {"settings": settings, "augmentation": augmentation}
    runs, _ = train(small_study, harmonized, **options)
    expected = weights(runs)
    shutil.rmtree(runs)
    interrupt(monkeypatch, 4, small_study, harmonized, **options)
    train(small_study, harmonized, **options)
    assert same(weights(runs), expected)


def test_deep_supervision_leaves_the_weights_that_predict(
    small_study, harmonized, monkeypatch
):
    network = NetworkConfig(name="dynunet", channels=(4, 6, 8, 8))
    changes = {"network": network, "patch": (16, 16, 16), "steps": 4}
    settings = SETTINGS.model_copy(update=changes | {"deep_supervision": True})
    runs, states = train(small_study, harmonized, settings=settings)
    assert states == ["made"]
    read, _ = read_model(run_folder(runs, 0))
    assert not any("heads" in name for name in read.state_dict())
    expected = dict(read.state_dict())
    shutil.rmtree(runs)
    interrupt(monkeypatch, 4, small_study, harmonized, settings=settings)
    train(small_study, harmonized, settings=settings)
    again, _ = read_model(run_folder(runs, 0))
    assert same(dict(again.state_dict()), expected)


def test_a_layers_own_stream_is_resumed(small_study, harmonized, monkeypatch):
    options = {"norm": "dsu", "norm_options": '{"seed": 3, "probability": 1.0}'}
    runs, _ = train(small_study, harmonized, **options)
    expected = weights(runs)
    shutil.rmtree(runs)
    interrupt(monkeypatch, 6, small_study, harmonized, **options)
    train(small_study, harmonized, **options)
    assert same(weights(runs), expected)


@pytest.mark.parametrize("interval", [1, 3, 4, 50])
def test_the_interval_of_checkpoints_may_change_while_a_run_is_interrupted(
    small_study, harmonized, monkeypatch, interval
):
    runs, _ = train(small_study, harmonized)
    expected = weights(runs)
    shutil.rmtree(runs)
    steps = interrupt(monkeypatch, 4, small_study, harmonized)
    other = SETTINGS.model_copy(update={"checkpoint_steps": interval})
    train(small_study, harmonized, settings=other)
    assert steps == [0, 1, 2, 3, *range(2, 6)]
    assert same(weights(runs), expected)
    assert train(small_study, harmonized)[1] == ["current"]


def flip_weights(content):
    """A bit of a large part of the archive, which PyTorch would not notice."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        largest = max(archive.infolist(), key=lambda part: part.file_size)
    middle = largest.header_offset + 256 + largest.file_size // 2
    return content[:middle] + bytes([content[middle] ^ 64]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "spoil", [lambda _: b"", lambda content: content[:-200], flip_weights]
)
def test_a_damaged_checkpoint_is_dropped(small_study, harmonized, monkeypatch, spoil):
    runs, _ = train(small_study, harmonized)
    expected = weights(runs)
    shutil.rmtree(runs)
    steps = interrupt(monkeypatch, 5, small_study, harmonized)
    last = run_folder(runs, 0) / "checkpoints" / "last.ckpt"
    last.write_bytes(spoil(last.read_bytes()))
    train(small_study, harmonized)
    assert steps == [*range(5), *range(6)]
    assert same(weights(runs), expected)


def test_a_job_that_is_asked_to_end_says_so_to_the_shell(
    small_study, harmonized, monkeypatch
):
    original = Segmenter.training_step

    def asked(self, batch, index):
        if self.global_step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(Segmenter, "training_step", asked)
        with pytest.raises(SystemExit) as ended:
            train(small_study, harmonized)
    assert ended.value.code == 143
    runs = small_study.folder / "runs"
    assert not (runs / "status.tsv").exists()
    assert train(small_study, harmonized)[1] == ["made"]


def test_a_loss_that_is_not_finite_is_a_row(small_study, harmonized, monkeypatch):
    monkeypatch.setattr(
        Segmenter,
        "training_step",
        lambda *_: (_ for _ in ()).throw(RunError("the loss is not finite")),
    )
    runs, states = train(small_study, harmonized, seeds=(0, 1))
    assert states == ["failed", "failed"]
    with pytest.raises(RunError, match="no trained network"):
        read_model(run_folder(runs, 0))


@pytest.mark.parametrize(
    ("interval", "validated"), [(2, [2, 4, 6]), (4, [4, 6]), (50, [6])]
)
def test_every_stretch_is_validated_however_short(
    small_study, harmonized, monkeypatch, interval, validated
):
    hold_one_back(small_study)
    steps = []
    original = Segmenter._validate

    def note(self):
        steps.append(self.global_step)
        return original(self)

    monkeypatch.setattr(Segmenter, "_validate", note)
    changes = {"selection": "validation", "checkpoint_steps": interval}
    settings = SETTINGS.model_copy(update=changes)
    assert train(small_study, harmonized, settings=settings)[1] == ["made"]
    assert steps == validated
    # Which weights are the best depends on how often one looks.
    other = settings.model_copy(update={"checkpoint_steps": 3})
    assert train(small_study, harmonized, settings=other)[1] == ["made"]


def test_a_validated_run_resumes_to_the_same_network(
    small_study, harmonized, monkeypatch
):
    hold_one_back(small_study)
    settings = SETTINGS.model_copy(update={"selection": "validation"})
    runs, _ = train(small_study, harmonized, settings=settings)
    expected = weights(runs)
    shutil.rmtree(runs)
    interrupt(monkeypatch, 6, small_study, harmonized, settings=settings)
    train(small_study, harmonized, settings=settings)
    assert same(weights(runs), expected)


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"x")])
def test_a_lost_best_checkpoint_starts_the_run_again(
    small_study, harmonized, monkeypatch, spoil
):
    hold_one_back(small_study)
    settings = SETTINGS.model_copy(update={"selection": "validation"})
    runs, _ = train(small_study, harmonized, settings=settings)
    expected = weights(runs)
    shutil.rmtree(runs)
    steps = interrupt(monkeypatch, 5, small_study, harmonized, settings=settings)
    for best in (run_folder(runs, 0) / "checkpoints").glob("step=*.ckpt"):
        spoil(best)
    train(small_study, harmonized, settings=settings)
    assert steps == [*range(5), *range(6)]
    assert same(weights(runs), expected)


def test_a_run_goes_on_in_a_folder_that_was_moved(
    small_study, harmonized, monkeypatch, tmp_path, recwarn
):
    hold_one_back(small_study)
    settings = SETTINGS.model_copy(update={"selection": "validation"})
    dice = {2: 0.1, 4: 0.9, 6: 0.5}
    monkeypatch.setattr(
        Segmenter, "_validate", lambda self: torch.tensor(dice[self.global_step])
    )
    runs, _ = train(small_study, harmonized, settings=settings)
    expected = weights(runs)
    shutil.rmtree(runs)
    interrupt(monkeypatch, 5, small_study, harmonized, settings=settings)
    elsewhere = replace(small_study, folder=tmp_path / "moved")
    (tmp_path / "moved").mkdir()
    runs.rename(elsewhere.folder / "runs")
    moved, _ = train(elsewhere, harmonized, settings=settings)
    assert same(weights(moved), expected)
    assert not recwarn.list


def hold_one_back(small_study):
    """Make the first training scan of the split one for validation."""
    rows = small_study.splits.read_text().splitlines()
    kept = next(n for n, row in enumerate(rows) if re.match("lodo-a.*train", row))
    rows[kept] = rows[kept].replace("train", "validation")
    small_study.splits.write_text("\n".join(rows) + "\n")
    checksum_path(small_study.splits).unlink()  # a table of the user's own


@pytest.mark.parametrize("norm", get_args(NormName))
def test_every_norm_trains(small_study, harmonized, norm):
    settings = SETTINGS.model_copy(update={"steps": 2})
    _, states = train(small_study, harmonized, settings=settings, norm=norm)
    assert states == ["made"]


@pytest.mark.parametrize("norm", ["adaptive_instance", "spatially_adaptive"])
def test_conditional_norms_are_validated_too(small_study, harmonized, norm):
    hold_one_back(small_study)
    settings = SETTINGS.model_copy(update={"selection": "validation"})
    _, states = train(small_study, harmonized, settings=settings, norm=norm)
    assert states == ["made"]


def test_arguments_a_layer_refuses_end_before_any_work(small_study, harmonized):
    for norm, text, message in [
        ("instance", "{", "give a JSON object, such as"),
        ("instance", "[1]", "give a JSON object, such as"),
        (
            "instance",
            '{"groups": 3}',
            "instance has no option groups; its options: eps",
        ),
        ("group", '{"num_groups": 3}', "group refuses them"),
    ]:
        with pytest.raises(ConfigError, match=message):
            train(small_study, harmonized, norm=norm, norm_options=text)
    assert not (small_study.folder / "runs").exists()


def test_scans_of_few_slices_are_trained_on(small_study, harmonized):
    few = SETTINGS.model_copy(update={"patch": (12, 12, 64), "steps": 2})
    _, states = train(small_study, harmonized, settings=few)
    assert states == ["made"]


def relabel(study, harmonized, change):
    """Change the harmonized label maps."""
    for number, scan in enumerate(study.ids):
        _, path = harmonized_paths(harmonized, scan)
        labels = read_volume(path)
        write_volume(labels.with_array(change(number, labels.array)), path)
        write_sidecar(path, Provenance({}, {}))


def test_healthy_controls_train_beside_others(small_study, harmonized):
    relabel(small_study, harmonized, lambda n, labels: labels * (n >= 4))
    _, states = train(small_study, harmonized)
    assert states == ["made"]


def test_a_study_without_any_label_is_told(small_study, harmonized):
    relabel(small_study, harmonized, lambda _, labels: labels * 0)
    runs, _ = train(small_study, harmonized)
    (row,) = read_table(runs / "status.tsv")
    assert row["reason"].startswith("no training scan has a voxel with a label")


def test_workers_give_the_same_network(small_study, harmonized):
    runs, _ = train(small_study, harmonized)
    alone = weights(runs)
    shutil.rmtree(runs)
    with_workers = SETTINGS.model_copy(update={"workers": 2})
    runs, states = train(small_study, harmonized, settings=with_workers)
    assert states == ["made"]
    assert same(weights(runs), alone)


def test_a_network_is_compiled_where_that_is_asked_for(
    small_study, harmonized, monkeypatch
):
    compiled = []

    def note(network):
        compiled.append(network)

    monkeypatch.setattr(torch.nn.Module, "compile", note)
    train(small_study, harmonized)
    assert not compiled
    asked = SETTINGS.model_copy(update={"compile": True})
    assert train(small_study, harmonized, settings=asked)[1] == ["made"]
    assert len(compiled) == 1


@pytest.mark.parametrize("name", ["plain_unet", "residual_encoder_unet"])
def test_networks_of_nnunet_train_and_are_read_again(small_study, harmonized, name):
    pytest.importorskip("dynamic_network_architectures", reason="medinorm[nnunet]")
    network = NetworkConfig(name=name, channels=(2, 4, 4))
    changes = {"network": network, "steps": 2, "deep_supervision": True}
    settings = SETTINGS.model_copy(update=changes)
    runs, states = train(small_study, harmonized, settings=settings)
    assert states == ["made"]
    read, _ = read_model(run_folder(runs, 0))
    assert same(dict(read.state_dict()), weights(runs))
    assert read(torch.zeros(1, 1, 12, 12, 12)).shape == (1, 3, 12, 12, 12)


SHARED = SETTINGS.model_copy(update={"steps": 20, "checkpoint_steps": 5})


def losses(runs):
    return [
        float(row["loss"]) for row in read_table(run_folder(runs, 0) / "history.tsv")
    ]


TWO = SHARED.model_copy(update={"devices": 2})


def assert_close(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("norm", ["instance", "batch_instance", "domain_specific"])
@pytest.mark.usefixtures("process_server")
def test_two_processes_train_as_one(small_study, harmonized, norm):
    """Padded patches too: the processes then know unequal numbers of voxels."""
    # Adam would take whole steps along gradients that are 0 but for rounding.
    sizes = {"patch": (12, 12, 24), "optimizer": "sgd"}
    settings = SHARED.model_copy(update=sizes)
    runs, _ = train(small_study, harmonized, settings=settings, norm=norm)
    alone, made = losses(runs), weights(runs)
    shutil.rmtree(runs)
    two = settings.model_copy(update={"devices": 2})
    runs, states = train(small_study, harmonized, settings=two, norm=norm)
    assert states == ["made"]
    assert losses(runs) == pytest.approx(alone, abs=1e-3)
    assert_close(weights(runs), made)
    # How many devices share a run is no reason to train again.
    assert train(small_study, harmonized, settings=settings, norm=norm)[1] == [
        "current"
    ]


def make_and_kill(*arguments):
    """What the processes of a killed job do."""
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, 4)
        stage._make(*arguments)


@pytest.mark.usefixtures("process_server")
def test_two_processes_go_on_where_they_were_killed(
    small_study, harmonized, monkeypatch
):
    short = TWO.model_copy(update={"steps": 6, "checkpoint_steps": 2})
    runs, _ = train(small_study, harmonized, settings=short, norm="batch")
    undisturbed = model_path(run_folder(runs, 0)).read_bytes()
    shutil.rmtree(runs)
    with monkeypatch.context() as patch:
        patch.setattr(stage, "_make", make_and_kill)
        with pytest.raises(SystemExit):
            train(small_study, harmonized, settings=short, norm="batch")
    assert (run_folder(runs, 0) / "checkpoints" / "last.ckpt").exists()
    _, states = train(small_study, harmonized, settings=short, norm="batch")
    assert states == ["made"]
    assert model_path(run_folder(runs, 0)).read_bytes() == undisturbed


def train_as_a_node(study, harmonized, settings, place):
    rank = str(place.rank)
    named = {"SLURM_PROCID": rank, "SLURM_NODEID": rank, "SLURM_LOCALID": "0"}
    os.environ |= named | {"SLURM_NTASKS": "2", "MASTER_ADDR": place.address}
    os.environ["MASTER_PORT"] = str(place.port)
    train(study, harmonized, settings=settings)


@pytest.mark.usefixtures("process_server")
def test_two_nodes_train_as_one_process(small_study, harmonized):
    """As `srun` starts them; the second one writes nothing."""
    runs, _ = train(small_study, harmonized, settings=SHARED)
    alone = losses(runs)
    shutil.rmtree(runs)
    two = SHARED.model_copy(update={"nodes": 2})

    run_in_processes(partial(train_as_a_node, small_study, harmonized, two), 2)
    assert losses(runs) == pytest.approx(alone, abs=1e-3)
    assert (runs / "status.tsv").exists()


@pytest.mark.parametrize("norm", ["window_instance", "cluster_instance"])
def test_a_norm_that_needs_the_whole_mini_batch_needs_one_device(
    small_study, harmonized, norm
):
    with pytest.raises(ConfigError, match="devices: 1"):
        train(small_study, harmonized, settings=TWO, norm=norm)


def test_a_mini_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(ValueError, match="multiple"):
        TrainConfig(batch_size=3, devices=2)
