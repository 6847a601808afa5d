"""A small study on disk: label maps and the tables that name them."""

import numpy as np
import pytest

from medinorm.files.nifti import Volume, write_volume
from medinorm.files.records import column_names
from medinorm.files.tables import write_table
from medinorm.records.scans import ScanRow, SplitRow

GRID = (12, 14, 16)
AFFINE = np.diag([2.0, 1.0, 1.5, 1.0])


class Study:
    """Scans with label maps, and what a network made of them.

    Args:
        folder: where it lives.
    """

    affine = AFFINE

    def __init__(self, folder):
        self.folder = folder
        self.canonical = folder / "canonical"
        self.scans = folder / "scans.tsv"
        self.splits = folder / "splits.tsv"
        self.predictions = folder / "predictions"
        self.scores = folder / "scores.tsv"

    def write_tables(self, scans):
        """`scans`: name to domain; all are test scans of split `pooled`."""
        rows = [
            {
                "scan": scan,
                "subject": scan,
                "image": f"{scan}_image.nii.gz",
                "label": f"{scan}_label.nii.gz",
                "channels": "image",
                "split": "pooled",
                "design": "pooled",
                "fold": 0,
                "domain": domain,
                "role": "test",
            }
            for scan, domain in scans.items()
        ]
        write_table(self.scans, rows, column_names(ScanRow))
        write_table(self.splits, rows, column_names(SplitRow))

    def write_label(self, scan, labels):
        write_labels(self.canonical / f"{scan}_label.nii.gz", labels)

    def write_prediction(self, scan, seed, labels, affine=AFFINE):
        path = self.predictions / f"seed-{seed}" / f"{scan}.nii.gz"
        write_labels(path, labels, affine)
        return path


def write_labels(path, labels, affine=AFFINE):
    write_volume(Volume(np.asarray(labels)[np.newaxis], affine), path)


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


@pytest.fixture
def labels():
    """A label map with labels 1 and 2, and no 3."""
    values = np.zeros(GRID, np.uint8)
    values[2:7, 3:9, 4:10] = 1
    values[7:10, 3:9, 4:10] = 2
    return values
