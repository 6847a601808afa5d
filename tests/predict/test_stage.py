"""Predictions lie on the canonical grid, whatever the study's grid is."""

import shutil
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from medinorm.choices import NormName
from medinorm.config import (
    HarmonizeConfig,
    NetworkConfig,
    PredictConfig,
    TaskConfig,
    TrainConfig,
)
from medinorm.files.nifti import Volume, read_volume, write_volume
from medinorm.files.records import read_records, write_records
from medinorm.harmonize.stage import harmonize_scans
from medinorm.layout import run_folder
from medinorm.predict.adaptations import ADAPTATIONS
from medinorm.predict.stage import Prediction, infer, predict_scans
from medinorm.records.beyond_means import (
    LayerDriftRow,
    ProbeRow,
    drift_path,
    probe_path,
)
from medinorm.records.calibration import confidence_path
from medinorm.records.scans import SplitRow
from medinorm.train.model import ModelCard, read_model
from medinorm.train.stage import train_networks

CARD = ModelCard(
    intensity="zscore",
    norm="batch",
    augmentation="flip",
    norm_options={},
    network=NetworkConfig(channels=(4, 8)),
    channels=("image",),
    label_values=(1, 2),
    patch=(12, 12, 12),
    domains=("a", "b"),
    shots=2,
)


@pytest.fixture
def trained(small_study):
    """Harmonized scans and a trained network for one split."""
    harmonized = small_study.folder / "harmonized"
    runs = small_study.folder / "runs"
    harmonize_scans(
        small_study.scans,
        small_study.canonical,
        harmonized,
        harmonized / "status.tsv",
        intensity="zscore",
        fitted=None,
        shard=0,
        shards=1,
        settings=HarmonizeConfig(spacing=(1.2, 1.2, 1.2), foreground="image"),
    )
    train_networks(
        small_study.splits,
        harmonized,
        runs,
        runs / "status.tsv",
        intensity="zscore",
        norm="batch",
        augmentation="flip",
        norm_options="{}",
        split="pooled",
        seeds=[0],
        task=TaskConfig(label_values={1: "shell", 2: "core"}),
        settings=TrainConfig(
            network=CARD.network, patch=CARD.patch, steps=60, learning_rate=2e-2
        ),
    )
    return harmonized, runs


def predict(study, harmonized, runs, adapt="none", seeds=(0,), **settings):
    folder = study.folder / "predictions" / adapt
    status = folder / "status.tsv"
    rows = predict_scans(
        study.scans,
        study.canonical,
        study.splits,
        harmonized,
        runs,
        folder,
        status,
        adapt=adapt,
        split="pooled",
        seeds=seeds,
        settings=PredictConfig(**settings),
    )
    return folder, rows


def test_predictions_lie_on_the_scan_and_find_the_sphere(small_study, trained):
    folder, rows = predict(small_study, *trained)
    assert [end.state for _, end in rows] == ["made"] * 4
    for pair, _ in rows:
        predicted = read_volume(run_folder(folder, 0) / f"{pair.scan}.nii.gz")
        label = read_volume(small_study.canonical / f"{pair.scan}_dseg.nii.gz")
        assert predicted.same_grid(label)
        assert predicted.array.dtype == np.uint8
        segmented, there = predicted.array > 0, label.array > 0
        dice = 2 * (segmented & there).sum() / (segmented.sum() + there.sum())
        assert dice > 0.8


def test_current_predictions_are_left_alone(small_study, trained):
    predict(small_study, *trained)
    _, again = predict(small_study, *trained)
    assert {end.state for _, end in again} == {"current"}


def test_how_sure_the_network_was_lies_beside_each_prediction(small_study, trained):
    folder, rows = predict(small_study, *trained)
    (pair, _), *_ = rows
    path = run_folder(folder, 0) / f"{pair.scan}.nii.gz"
    predicted, confidence = map(read_volume, (path, confidence_path(path)))
    assert confidence.same_grid(predicted)
    sure = confidence.array / 255
    assert sure.min() >= 1 / 3 - 0.01  # the largest of three probabilities
    assert sure[predicted.array == 0].mean() > 0.5
    confidence_path(path).unlink()
    _, again = predict(small_study, *trained)
    made = {pair.scan for pair, end in again if end.state == "made"}
    assert made == {pair.scan}
    assert confidence_path(path).exists()


def test_confidence_is_not_kept_where_it_is_not_asked_for(small_study, trained):
    folder, _ = predict(small_study, *trained)
    predict(small_study, *trained, calibration=False)
    assert not list((run_folder(folder, 0) / "confidence").iterdir())


def test_what_norms_do_lies_beside_and_is_the_same_for_current_predictions(
    small_study, trained
):
    folder, rows = predict(small_study, *trained)
    status = folder / "status.tsv"
    probe = read_records(probe_path(status), ProbeRow)
    drift = read_records(drift_path(status), LayerDriftRow)
    assert {row.scan for row in probe} <= {pair.scan for pair, _ in rows}
    assert {row.variant.norm for row in drift} == {"batch"}
    assert {row.side for row in drift} == {"before", "after"}
    written = drift_path(status).read_bytes(), probe_path(status).read_bytes()
    _, again = predict(small_study, *trained)
    assert {end.state for _, end in again} == {"current"}
    assert written == (drift_path(status).read_bytes(), probe_path(status).read_bytes())


def test_what_norms_do_is_measured_only_if_asked_for(small_study, trained):
    folder, _ = predict(small_study, *trained, mechanism=False)
    status = folder / "status.tsv"
    assert read_records(drift_path(status), LayerDriftRow) == []
    _, again = predict(small_study, *trained)  # and predictions stay current
    assert {end.state for _, end in again} == {"current"}
    assert read_records(drift_path(status), LayerDriftRow)


def test_a_missing_network_or_scan_is_a_row(small_study, trained):
    harmonized, runs = trained
    shutil.copytree(run_folder(runs, 0), run_folder(runs, 1))
    (run_folder(runs, 1) / "model.json").unlink()
    folder, rows = predict(small_study, harmonized, runs)
    scan = rows[0][0].scan
    old = run_folder(folder, 0) / f"{scan}.nii.gz"
    assert old.exists()
    (harmonized / f"{scan}.nii").unlink()
    _, rows = predict(small_study, harmonized, runs, seeds=(0, 1))
    ends = {(pair.seed, pair.scan == scan): end for pair, end in rows}
    assert ends[0, True].reason == "the scan could not be harmonized"
    assert ends[0, False].state == "current"
    assert "no trained network" in ends[1, False].reason
    assert not old.exists()  # that of an earlier run must not be scored


def test_batch_statistics_become_those_of_the_new_scans(small_study, trained):
    harmonized, runs = trained
    network, card = read_model(run_folder(runs, 0))
    image = read_volume(harmonized / f"{small_study.ids[0]}.nii").array
    before = {name: value.clone() for name, value in network.state_dict().items()}
    adapted = ADAPTATIONS["batch_statistics"].adapt(network, [image + 5.0], card)
    after = adapted.state_dict()
    assert not adapted.training
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed
    assert all("running" in name or "num_batches" in name for name in changed)
    _, rows = predict(small_study, harmonized, runs, adapt="batch_statistics")
    assert {end.state for _, end in rows} == {"made"}


def test_tent_changes_gains_and_offsets_only(small_study, trained):
    harmonized, runs = trained
    network, card = read_model(run_folder(runs, 0))
    image = read_volume(harmonized / f"{small_study.ids[0]}.nii").array
    before = {name: value.clone() for name, value in network.named_parameters()}
    adapted = ADAPTATIONS["tent"].adapt(network, [image], card)
    changed = {
        name
        for name, value in adapted.named_parameters()
        if not torch.equal(value, before[name])
    }
    assert changed
    assert all(before[name].dim() == 1 for name in changed)
    _, rows = predict(small_study, harmonized, runs, adapt="tent")
    assert {end.state for _, end in rows} == {"made"}


def prediction(folder, domain="c", images=()):
    return Prediction(
        scan=None,
        image=folder,
        run=folder,
        seed=0,
        target=folder,
        domain=domain,
        unlabelled=tuple(images),
    )


def test_scans_without_a_label_map_are_segmented_by_the_pooled_networks(
    small_study, trained
):
    rows = read_records(small_study.splits, SplitRow)
    more = [
        replace(row, role="unlabelled") for row in rows if row.role == "train"
    ]  # of each split one scan stands for those without a label map
    first = {row.split: row for row in more}
    changed = [first[r.split] if r.scan == first[r.split].scan else r for r in rows]
    write_records(small_study.splits, changed, SplitRow)
    _, done = predict(small_study, *trained)
    tested = {r.scan for r in rows if (r.split, r.role) == ("pooled", "test")}
    assert [end.state for _, end in done] == ["made"] * (len(tested) + 1)
    assert first["pooled"].scan in {item.scan for item, _ in done}


@pytest.mark.parametrize("grid", [(20, 13, 9), (12, 12, 12), (5, 30, 7)])
def test_inference_keeps_the_shape_of_small_and_large_scans(tmp_path, grid):
    network = CARD.build().eval()
    image = np.random.default_rng(0).normal(size=(1, *grid)).astype(np.float32)
    scan = prediction(tmp_path)
    probabilities = infer(network, image, CARD, scan, PredictConfig())
    assert probabilities.shape == (3, *grid)
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("norm", get_args(NormName))
def test_every_norm_is_told_what_it_needs(tmp_path, norm):
    torch.manual_seed(0)
    card = replace(CARD, norm=norm)
    network = card.build().eval()
    rng = np.random.default_rng(0)
    image = rng.gamma(2, 1, (1, 20, 14, 17)).astype(np.float32)
    paths = [tmp_path / f"{n}.nii" for n in range(3)]
    for path in paths:
        write_volume(
            Volume(image + rng.normal(size=image.shape), np.eye(4)), path, "f4"
        )
    for domain in ("a", "never seen"):
        scan = prediction(tmp_path, domain, paths)
        probabilities = infer(network, image, card, scan, PredictConfig())
        assert probabilities.shape == (3, *image.shape[1:])
        assert np.isfinite(probabilities).all()
