"""Time, memory and size of page of a large study: evidence, then the report.

    python benchmarks/report.py [--scans 10000] [--json]

Makes a study of 10,000 scans of five scanners, 8 variants, 5 seeds and 10 labels,
tested by networks that left the scanner out and by pooled ones: 8 million scores. Then
`medinorm evidence` and `medinorm report` run in processes of their own. Printed are
their processor time, the peak of their memory, and the size of the page.

Beside the scores lies how sure each prediction was: 800,000 rows of 20 bins.

Scores vary with variant, scanner, scan, label and seed. Of the last label, a third of
the scans has none; one prediction in a thousand is missing. All scans show the same
image, of 96 voxels along each axis, so that the page has its figures; predictions have
no files.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from medinorm.columns.calibration import CalibrationColumns
from medinorm.columns.parquet import absent, write_columns
from medinorm.columns.scores import ScoreColumns
from medinorm.columns.words import WordColumn
from medinorm.files.atomic import write_json
from medinorm.files.nifti import Volume, write_volume
from medinorm.files.records import write_records
from medinorm.records.calibration import BINS, CalibrationRow, calibration_path
from medinorm.records.history import HistoryRow
from medinorm.records.metrics import METRICS
from medinorm.records.scans import (
    AccountRow,
    ExcludedRow,
    Identity,
    ScanRow,
    SplitRow,
)
from medinorm.records.scores import ScoreRow
from medinorm.variant import Variant

SCANNERS = (
    "GE Signa HDxt 1.5T",
    "Hyperfine Swoop 0.064T",
    "Philips Achieva 3T",
    "Siemens Aera 1.5T",
    "Siemens Prisma Fit 3T",
)
FOLDS = 5
SIDE = 96  # voxels of the image


@dataclass(frozen=True)
class StudySize:
    """How large the study is.

    Args:
        scans: one of each subject.
        variants: how many are compared.
        seeds: of training.
        labels: of the label map.
    """

    scans: int = 10_000
    variants: int = 8
    seeds: int = 5
    labels: int = 10

    @property
    def scores(self) -> int:
        """How many scores there are."""
        return 2 * self.scans * self.variants * self.seeds * self.labels


def name_variants(number: int) -> list[Variant]:
    """Variants of different norms."""
    return [Variant("zscore", f"norm{n}", "flip", "none") for n in range(number)]


@dataclass(frozen=True)
class SyntheticStudy:
    """A study that is written to disk.

    Args:
        folder: where to.
        size: how large it is.
    """

    folder: Path
    size: StudySize

    @property
    def results(self) -> Path:
        """Folder of all that the stages read."""
        return self.folder / "results"

    @property
    def scans(self) -> list[str]:
        """Ids of all scans."""
        return [f"sub-{number:06d}_T1w" for number in range(self.size.scans)]

    def scanner_of(self, scan: int) -> int:
        """Position of the scanner of a scan."""
        return scan % len(SCANNERS)

    def fold_of(self, scan: int) -> int:
        """The fold in which the subject of a scan tests."""
        return scan // len(SCANNERS) % FOLDS

    def tested(self, split: str) -> np.ndarray:
        """Positions of the scans that test in a split."""
        number, scans = int(split[-1]), np.arange(self.size.scans)
        own = self.fold_of if split.startswith("pooled") else self.scanner_of
        return scans[own(scans) == number]

    @property
    def splits(self) -> list[str]:
        """Names of all splits: of pooled networks by fold, of the others by scanner."""
        return [
            *(f"pooled_fold-{fold}" for fold in range(FOLDS)),
            *(f"lodo-{place}" for place in range(len(SCANNERS))),
        ]

    def write(self) -> None:
        """Write all of it."""
        self.results.mkdir(parents=True)
        self.write_scans()
        self.write_splits()
        rng = np.random.default_rng(0)
        easy = rng.normal(0.0, 0.03, self.size.scans)
        variants = name_variants(self.size.variants)
        for place, split in product(range(self.size.variants), self.splits):
            for seed in range(self.size.seeds):
                self.write_scores(variants[place], (place, split, seed), easy, rng)
                self.write_run(variants[place], split, seed)

    def write_scans(self) -> None:
        """`scans.tsv` and the canonical images: one image under many names."""
        canonical = self.results / "canonical"
        rng = np.random.default_rng(1)
        axes = np.meshgrid(*[np.linspace(-1, 1, SIDE)] * 3, indexing="ij")
        radius = np.sqrt(sum(axis**2 for axis in axes))
        steps = np.linspace(0.2, 0.9, self.size.labels)
        label = (self.size.labels - np.digitize(radius, steps)).astype(np.uint8)
        image = rng.normal(100 + 40 * label, 10).astype(np.float32)
        write_volume(Volume(image[np.newaxis], np.eye(4)), canonical / "one.nii.gz")
        write_volume(Volume(label[np.newaxis], np.eye(4)), canonical / "dseg.nii.gz")
        rows = []
        for place, scan in enumerate(self.scans):
            names = f"{scan}.nii.gz", f"{scan}_dseg.nii.gz"
            os.link(canonical / "one.nii.gz", canonical / names[0])
            os.link(canonical / "dseg.nii.gz", canonical / names[1])
            scanner = SCANNERS[self.scanner_of(place)]
            identity = Identity(scanner=scanner, vendor=scanner.split()[0])
            rows.append(ScanRow(scan, scan, None, *names, ("T1w",), "0", identity))
        write_records(self.results / "scans.tsv", rows, ScanRow)
        write_records(self.results / "excluded.tsv", [], ExcludedRow)
        account = [AccountRow("converted", "", 100 * self.size.scans)]
        write_records(self.results / "account.tsv", account, AccountRow)

    def write_splits(self) -> None:
        """`splits.tsv`."""
        rows = []
        for split in self.splits:
            tested = {*self.tested(split).tolist()}
            design = split.partition("_")[0].partition("-")[0]
            fold = int(split[-1]) if design == "pooled" else 0
            for place, scan in enumerate(self.scans):
                domain = SCANNERS[self.scanner_of(place)]
                role = "test" if place in tested else "train"
                rows.append(SplitRow(split, design, fold, scan, scan, domain, role))
        write_records(self.results / "splits.tsv", rows, SplitRow)

    def write_run(self, variant: Variant, split: str, seed: int) -> None:
        """What a training recorded."""
        levels = variant.intensity, variant.norm, variant.augmentation
        folder = self.results.joinpath("runs", *levels, split, f"seed-{seed}")
        record = {
            "training_scans": self.size.scans - len(self.tested(split)),
            "steps": 1000,
            "seconds_per_step": 0.1,
            "peak_memory_mb": 900.0,
            "parameters": 1_000_000,
        }
        write_json(folder / "model.json", record)
        losses = np.round(0.3 + np.exp(-np.arange(1, 41) / 5), 6)
        rows = [
            HistoryRow(25 * step, float(loss), 0.001, 0.1)
            for step, loss in enumerate(losses, start=1)
        ]
        write_records(folder / "history.tsv", rows, HistoryRow)

    def write_scores(
        self,
        variant: Variant,
        place: tuple[int, str, int],
        easy: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        """The table of one job: one variant, split and seed."""
        index, split, seed = place
        scans, labels = self.tested(split), self.size.labels
        level = (0.88 if split.startswith("pooled") else 0.70) + 0.01 * index
        of_label = easy[scans][:, np.newaxis] - 0.01 * np.arange(labels)
        noise = rng.normal(0, 0.02, of_label.shape) + rng.normal(0, 0.01)
        dice = np.clip(level + of_label + noise, 0.0, 1.0)
        voxels = np.tile(1000.0 + 10 * np.arange(labels), (len(scans), 1))
        guess = voxels + rng.integers(-20, 20, voxels.shape)
        state = np.zeros(dice.shape, dtype=np.uint8)  # scored
        state[scans % 3 == 0, -1] = 1  # empty
        state[rng.random(len(scans)) < 0.001] = 2  # missing
        numbers = {
            "dice": dice,
            "nsd": dice**2,
            "hd95": 10 * (1 - dice),
            "asd": 2 * (1 - dice),
            "volume_bias": (guess - voxels) / voxels,
            "volume_bias_ml": (guess - voxels) / 1000,
            "voxels_label": voxels,
            "voxels_prediction": guess,
            "voxel_ml": np.full(dice.shape, 0.001),
        }
        for name, (empty, missing) in UNSCORED.items():
            numbers[name] = np.select(
                [state == 1, state == 2], [empty, missing], numbers[name]
            )
        flat = {name: values.ravel() for name, values in numbers.items()}
        rows, values = dice.size, tuple(range(1, labels + 1))
        columns = ScoreColumns(
            variant=WordColumn((variant,), np.zeros(rows, np.uint8)),
            split=WordColumn((split,), np.zeros(rows, np.uint8)),
            seed=WordColumn((seed,), np.zeros(rows, np.uint8)),
            scan=WordColumn(tuple(self.scans), np.repeat(scans, labels)),
            label=WordColumn(values, np.tile(np.arange(labels), len(scans))),
            state=WordColumn(("scored", "empty", "missing"), state.ravel()),
            numbers=dict.fromkeys(METRICS, absent(rows)) | flat,
        )
        path = self.results.joinpath("scores", *variant, split, f"job-{seed}.parquet")
        write_columns(path, columns.to_table(), ScoreRow)
        self.write_calibration(path, (variant, split, seed), rng)

    def write_calibration(
        self, scores: Path, run: tuple[Variant, str, int], rng: np.random.Generator
    ) -> None:
        """How sure the predictions of one job were: too sure, most of all if unseen."""
        variant, split, seed = run
        scans = self.tested(split)
        off = 0.03 if split.startswith("pooled") else 0.10
        centres = np.tile((np.arange(BINS) + 0.5) / BINS, (len(scans), 1))
        voxels = rng.poisson(2000.0 * centres**4).astype(np.float64)
        correct = rng.binomial(voxels.astype(np.int64), centres * (1 - off))
        squares = correct * (1 - centres) ** 2 + (voxels - correct) * centres**2
        rows = np.zeros(len(scans), np.uint8)
        columns = CalibrationColumns(
            variant=WordColumn((variant,), rows),
            split=WordColumn((split,), rows),
            seed=WordColumn((seed,), rows),
            scan=WordColumn(tuple(self.scans), scans),
            voxels=voxels,
            correct=correct.astype(np.float64),
            confidence=np.where(voxels > 0, centres, 0.0),
            brier=squares.sum(axis=1) / voxels.sum(axis=1),
        )
        table = columns.to_table()
        write_columns(calibration_path(scores), table, CalibrationRow)


# Of what is rightly not there, and of what has no prediction.
UNSCORED = {
    "dice": (np.nan, 0.0),
    "nsd": (np.nan, 0.0),
    "hd95": (np.nan, 166.0),
    "asd": (np.nan, 166.0),
    "volume_bias": (0.0, np.nan),
    "volume_bias_ml": (0.0, np.nan),
    "voxels_label": (0.0, 1000.0),
    "voxels_prediction": (0.0, np.nan),
}


@dataclass(frozen=True)
class Cost:
    """What a command took.

    Args:
        seconds: of the processor.
        clock: seconds on the clock.
        megabytes: peak of its memory.
    """

    seconds: float
    clock: float
    megabytes: float


def measure(words: list[object]) -> Cost:
    """Run a command of medinorm in a process of its own, with one thread."""
    command = [sys.executable, "-m", "medinorm", *map(str, words)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    start = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, env=os.environ | threads, stdout=log, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            sys.exit(log.read().decode()[-2000:])
    return Cost(
        seconds=usage.ru_utime + usage.ru_stime,
        clock=time.monotonic() - start,
        megabytes=usage.ru_maxrss / 1024,
    )


def compare(study: SyntheticStudy) -> Cost:
    """Run `medinorm evidence`."""
    results = study.results
    words: list[object] = ["evidence", "--splits", results / "splits.tsv"]
    words += ["--runs", results / "runs", "--evidence", results / "evidence"]
    words += ["--scores", *sorted(results.glob("scores/**/job-*.parquet"))]
    return measure(words)


def report(study: SyntheticStudy) -> tuple[Cost, float]:
    """Run `medinorm report`; its cost, and megabytes of the page."""
    results, page = study.results, study.results / "report" / "report.html"
    words: list[object] = ["report", "--report", page]
    for name in ("scans", "excluded", "account", "splits"):
        words += [f"--{name}", results / f"{name}.tsv"]
    for name in ("canonical", "predictions", "evidence"):
        words += [f"--{name}", results / name]
    names = [f"{value}=label {value}" for value in range(1, study.size.labels + 1)]
    words += ["--label-values", *names, *PLANNED]
    cost = measure(words)
    return cost, page.stat().st_size / 1e6


# What a training plan would say.
PLANNED: list[object] = [
    *("--spacing", 1, 1, 1, "--patch", 32, 32, 32, "--batch-size", 2),
    *("--steps", 1000, "--learning-rate", 0.001, "--foreground-ratio", 0.5),
    *(
        "--network",
        '{"channels": [8, 16], "strides": [[2, 2, 2]], "kernels": '
        "[[3, 3, 3], [3, 3, 3]]}",
    ),
]


def main() -> None:
    """Make the study, run both stages, and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=StudySize.scans)
    parser.add_argument("--folder", type=Path, help="where to; it is kept")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp())
    study = SyntheticStudy(folder, StudySize(scans=given.scans))
    if not study.results.exists():
        study.write()
    try:
        evidence = compare(study)
        page, megabytes = report(study)
    finally:
        if not given.folder:
            shutil.rmtree(folder)
    found = {
        "scores": study.size.scores,
        "evidence": vars(evidence),
        "report": vars(page),
        "page_mb": megabytes,
    }
    if given.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{study.size.scores:,} scores of {study.size.scans:,} scans")
    for name, cost in (("evidence", evidence), ("report", page)):
        print(
            f"{name:9} {cost.seconds:6.1f} s of the processor, {cost.clock:6.1f} s on "
            f"the clock, {cost.megabytes:6.0f} MB"
        )
    print(f"page      {megabytes:6.2f} MB")


if __name__ == "__main__":
    main()
