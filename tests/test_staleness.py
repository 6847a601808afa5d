"""No output outlives a change of anything it depends on, and no other is made again."""

import re
import shutil
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from medinorm.config import (
    HarmonizeConfig,
    NetworkConfig,
    PredictConfig,
    TaskConfig,
    TrainConfig,
)
from medinorm.errors import StageError
from medinorm.files.nifti import read_volume, write_volume
from medinorm.files.records import read_records, write_records
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.harmonize.fit import fit_intensity
from medinorm.harmonize.stage import harmonize_scans
from medinorm.predict.stage import predict_scans
from medinorm.records.scans import SplitRow
from medinorm.train.stage import train_networks

SPLIT = "pooled"
VARIANTS = [
    ("zscore", "batch", "none"),
    ("zscore", "batch", "batch_statistics"),
    ("zscore", "domain_specific", "none"),
    ("nyul", "batch", "none"),
]


class Study:
    """All stages from harmonize to predict, with settings that tests change."""

    def __init__(self, small):
        self.small = small
        self.folder = folder = small.folder
        self.norm_options = "{}"
        self.augmentation = "flip"
        self.masks = folder / "masks"
        for scan in small.ids:
            image = read_volume(small.canonical / f"{scan}.nii.gz")
            inside = (image.array > np.median(image.array)).astype(np.uint8)
            write_volume(image.with_array(inside), self.masks / f"{scan}.nii.gz")
        self.harmonize = HarmonizeConfig(
            spacing=(1.5, 1.5, 1.5), foreground="file", masks=self.masks
        )
        self.train = TrainConfig(
            network=NetworkConfig(channels=(4, 8)),
            patch=(12, 12, 12),
            steps=4,
            batch_size=4,
            device="cpu",
        )
        self.predict = PredictConfig()

    def ids(self, role, domain):
        """Scans with a role, in order."""
        rows = read_records(self.small.splits, SplitRow)
        return sorted(
            row.scan
            for row in rows
            if (row.split, row.role, row.domain) == (SPLIT, role, domain)
        )

    def run(self):
        """Run all stages; the names of what was made and not found current."""
        states = {}
        for intensity in ("zscore", "nyul"):
            for scan, end in self._harmonize(intensity):
                states["harmonize", intensity, scan.scan] = end.state
        for intensity, norm, adapt in VARIANTS:
            if adapt == "none":
                ((_, end),) = self._train(intensity, norm)
                states["train", intensity, norm] = end.state
            for item, end in self._predict(intensity, norm, adapt):
                states["predict", intensity, norm, adapt, item.scan] = end.state
        assert set(states.values()) <= {"made", "current"}
        self.all = set(states)
        return {name for name, state in states.items() if state == "made"}

    def _harmonize(self, intensity):
        fitted = {}
        if intensity == "nyul":
            target = self.folder / "maps" / "nyul" / "pooled.json"
            inputs = (self.small.scans, self.small.canonical, self.small.splits)
            fit_intensity(
                *inputs,
                target,
                intensity="nyul",
                split=SPLIT,
                settings=self.harmonize,
            )
            fitted = {"fitted": target, "splits": self.small.splits, "split": SPLIT}
        folder = self.folder / "harmonized" / intensity
        return harmonize_scans(
            self.small.scans,
            self.small.canonical,
            folder,
            folder / "status" / "shard-0.tsv",
            intensity=intensity,
            settings=self.harmonize,
            **fitted,
        )

    def _train(self, intensity, norm):
        runs = self.folder / "runs" / intensity / norm
        return train_networks(
            self.small.splits,
            self.folder / "harmonized" / intensity,
            runs,
            runs / "job-0.tsv",
            intensity=intensity,
            norm=norm,
            norm_options=self.norm_options,
            augmentation=self.augmentation,
            split=SPLIT,
            seeds=[0],
            task=TaskConfig(label_values={1: "shell", 2: "core"}),
            settings=self.train,
        )

    def _predict(self, intensity, norm, adapt):
        folder = self.folder / "predictions" / intensity / norm / adapt
        return predict_scans(
            self.small.scans,
            self.small.canonical,
            self.small.splits,
            self.folder / "harmonized" / intensity,
            self.folder / "runs" / intensity / norm,
            folder,
            folder / "job-0.tsv",
            adapt=adapt,
            split=SPLIT,
            seeds=[0],
            settings=self.predict,
        )


@pytest.fixture(scope="module")
def finished(make_small_study, tmp_path_factory):
    """A study that has run once, and what its stages made."""
    study = Study(make_small_study(tmp_path_factory.mktemp("finished")))
    assert study.run() == study.all
    assert study.run() == set()
    return study


@pytest.fixture
def study(finished, tmp_path):
    """A copy of it."""
    folder = tmp_path / "study"
    shutil.copytree(finished.folder, folder)
    moved = {
        name: folder / path.relative_to(finished.folder)
        for name, path in vars(finished.small).items()
        if isinstance(path, Path)
    }
    study = Study(replace(finished.small, **moved))
    study.all = finished.all
    return study


def matching(study, *patterns):
    """All names that one of the patterns describes."""
    return {
        name
        for name in study.all
        if any(re.fullmatch(pattern, " ".join(name)) for pattern in patterns)
    }


def change_file(path, change):
    """Another content, as the stage before would write it."""
    volume = read_volume(path)
    write_volume(volume.with_array(change(volume.array.copy())), path)
    write_sidecar(path, Provenance({"changed": True}, {}))


def brighten(array):
    array[..., :3] *= 3
    return array


def move_label(array):
    return np.roll(array, 2, axis=1)


def change_image(study, role):
    scan = study.ids(role, "a")[0]
    change_file(study.small.canonical / f"{scan}.nii.gz", brighten)
    return scan


def change_label(study, role):
    scan = study.ids(role, "a")[0]
    change_file(study.small.canonical / f"{scan}_dseg.nii.gz", move_label)
    return scan


def test_a_label_of_a_training_scan(study):
    scan = change_label(study, "train")
    expected = matching(study, f"harmonize .* {scan}", "train .*", "predict .*")
    assert study.run() == expected


def test_a_label_of_a_test_scan(study):
    scan = change_label(study, "test")
    assert study.run() == matching(study, f"harmonize .* {scan}")


def test_an_image_of_a_training_scan(study):
    scan = change_image(study, "train")
    assert study.run() == matching(
        study, f"harmonize zscore {scan}", "harmonize nyul .*", "train .*", "predict .*"
    )


def test_an_image_of_a_test_scan(study):
    scan = change_image(study, "test")
    peers = "|".join(study.ids("test", "a"))
    assert study.run() == matching(
        study,
        f"harmonize .* {scan}",
        f"predict .* none {scan}",
        f"predict .* batch_statistics ({peers})",
    )


def change_domain(study, scan, domain):
    rows = read_records(study.small.splits, SplitRow)
    changed = [replace(r, domain=domain) if r.scan == scan else r for r in rows]
    write_records(study.small.splits, changed, SplitRow)


def test_the_domain_of_a_training_scan(study):
    """Only networks that are told domains learn from it."""
    change_domain(study, study.ids("train", "a")[0], "b")
    assert study.run() == matching(
        study, "train zscore domain_specific", "predict zscore domain_specific .*"
    )


def test_a_domain_that_no_scan_had(study):
    """The card of every network names its domains."""
    change_domain(study, study.ids("train", "a")[0], "c")
    assert study.run() == matching(study, "train .*", "predict .* domain_specific .*")


def test_the_domain_of_a_test_scan(study):
    scan = study.ids("test", "a")[0]
    change_domain(study, scan, "b")
    assert study.run() == matching(
        study,
        f"predict zscore domain_specific none {scan}",
        "predict .* batch_statistics .*",
    )


def test_a_mask(study):
    scan = study.ids("test", "b")[0]
    path = study.masks / f"{scan}.nii.gz"
    mask = read_volume(path)
    write_volume(mask.with_array(move_label(mask.array)), path)
    peers = "|".join(study.ids("test", "b"))
    assert study.run() == matching(
        study,
        f"harmonize zscore {scan}",
        f"harmonize nyul {scan}",
        f"predict .* none {scan}",
        f"predict .* batch_statistics ({peers})",
    )


def set_of(study, section, **values):
    setattr(study, section, getattr(study, section).model_copy(update=values))


@pytest.mark.parametrize(
    ("change", "patterns"),
    [
        (partial(set_of, section="harmonize", spacing=(2.0, 2.0, 2.0)), [".*"]),
        (
            partial(
                set_of,
                section="harmonize",
                intensity_options=HarmonizeConfig.model_validate(
                    {"intensity_options": {"nyul": {"percentiles": [1, 50, 99]}}}
                ).intensity_options,
            ),
            ["harmonize nyul .*", "train nyul .*", "predict nyul .*"],
        ),
        (
            partial(set_of, section="train", learning_rate=2e-2),
            ["train .*", "predict .*"],
        ),
        (partial(set_of, section="train", steps=5), ["train .*", "predict .*"]),
        (partial(set_of, section="train", checkpoint_steps=1), []),
        (partial(set_of, section="predict", overlap=0.5), ["predict .*"]),
        (
            lambda study: setattr(study, "norm_options", '{"eps": 0.001}'),
            ["train .*", "predict .*"],
        ),
        (
            lambda study: setattr(study, "augmentation", "none"),
            ["train .*", "predict .*"],
        ),
    ],
)
def test_a_setting(study, change, patterns):
    change(study)
    assert study.run() == matching(study, *patterns)
    assert study.run() == set()


def test_the_version_of_the_code(study, monkeypatch):
    monkeypatch.setattr(Provenance.__init__, "__defaults__", ("9.9.9",))
    assert Provenance({}, {}).version == "9.9.9"
    assert study.run() == study.all


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def bytes_of(study):
    """What lies in the folder, without what is measured or timed."""
    return {
        path.relative_to(study.folder): path.read_bytes()
        for path in sorted(study.folder.rglob("*.*"))
        if path.is_file() and not {"tensorboard"} & set(path.parts)
        if path.name not in {"history.tsv", ".history.tsv.checksum", "model.json"}
    }


@pytest.mark.parametrize("spoil", [flip_a_bit, truncate, Path.unlink])
@pytest.mark.parametrize(
    "pattern",
    [
        "harmonized/zscore/{train}.nii",
        "harmonized/zscore/{train}.json",
        "harmonized/zscore/{train}_label.nii",
        "harmonized/zscore/{test}.nii",
        "maps/nyul/pooled.json",
        "runs/zscore/batch/seed-0/model.safetensors",
        "runs/zscore/batch/seed-0/model.json",
        "predictions/zscore/batch/none/seed-0/{test}.nii.gz",
        "predictions/zscore/batch/none/seed-0/{test}.json",
    ],
)
def test_damage_is_mended_by_the_next_runs(study, pattern, spoil):
    """Whoever reads it first says so or makes it again; the end is the same."""
    before = bytes_of(study)
    ids = {role: study.ids(role, "a")[0] for role in ("train", "test")}
    path = study.folder / pattern.format(**ids)
    spoil(path)
    with suppress(StageError):
        study.run()
    study.run()
    assert bytes_of(study) == before


@pytest.mark.parametrize("spoil", [flip_a_bit, truncate, Path.unlink])
@pytest.mark.parametrize("part", ["image", "label", "weights"])
def test_who_reads_a_damaged_file_stops_and_scores_nothing(study, part, spoil):
    """Without the stage that makes it, as when Snakemake knows of no change."""
    scan = study.ids("train", "a")[0]
    folder = study.folder / "harmonized" / "zscore"
    path = {
        "image": folder / f"{scan}.nii",
        "label": folder / f"{scan}_label.nii",
        "weights": study.folder / "runs/zscore/batch/seed-0/model.safetensors",
    }[part]
    spoil(path)
    read = study._predict if part == "weights" else study._train
    words = ("zscore", "batch", "none")[: 3 if part == "weights" else 2]
    if part != "weights":
        study.train = study.train.model_copy(update={"steps": 5})
    with pytest.raises(StageError, match="run"):
        read(*words)
    assert not list(path.parent.glob("status/*.tsv"))
    assert not path.exists()
