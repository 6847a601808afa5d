"""A study whose networks err by formula."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from medinorm.files.nifti import read_volume, write_volume
from medinorm.files.records import read_records, write_records
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.layout import run_folder
from medinorm.records.calibration import confidence_path
from medinorm.records.scans import SplitRow
from medinorm.records.status import PredictionStatus

VARIANT = ("zscore", "batch", "flip", "none")


@dataclass(frozen=True)
class PredictedStudy:
    """The small study with predictions of networks that left a domain out."""

    small: object
    tables: tuple[Path, ...]

    @property
    def rows(self):
        return read_records(self.small.splits, SplitRow)


def write_predictions(small, seeds=(0, 1, 2)):
    """Each seed shifts its label maps along another axis, further on unseen domains."""
    rows = read_records(small.splits, SplitRow)
    tables = []
    for split in sorted({row.split for row in rows if row.design == "lodo"}):
        folder = small.folder.joinpath("predictions", *VARIANT, split)
        statuses = []
        for row in rows:
            if (row.split, row.role) != (split, "test"):
                continue
            truth = read_volume(small.canonical / f"{row.scan}_dseg.nii.gz")
            unseen = not split.endswith(row.domain) or 2
            for seed in seeds:
                shifted = np.roll(truth.array, int(unseen), axis=1 + seed % 3)
                path = run_folder(folder, seed) / f"{row.scan}.nii.gz"
                sure = np.full(shifted.shape, 204, np.uint8)
                for target, array in ((path, shifted), (confidence_path(path), sure)):
                    write_volume(truth.with_array(array), target)
                    write_sidecar(target, Provenance({}, {}))
                statuses.append(PredictionStatus(row.scan, seed, "ok", None, None))
        write_records(folder / "job-0.tsv", statuses, PredictionStatus)
        tables.append(folder / "job-0.tsv")
    return PredictedStudy(small, tuple(tables))


@pytest.fixture
def predicted_study(small_study):
    """The study, in a folder of the test."""
    return write_predictions(small_study)
