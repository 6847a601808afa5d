"""Each case of the truth corpus comes out exact, or stays out with its reason."""

import re

import numpy as np
import pytest

from medinorm.errors import ScanError
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.dicom.volume import read_series_part
from medinorm.ingest.index import look_through
from medinorm.ingest.plan.from_dicom import find_dicom_scans
from medinorm.ingest.plan.judge_series import frames_of
from tests.ingest.corpus.cases import CASES

PLACE = 1e-4  # mm; headers of 9 digits


def outcomes(folder, labels):
    """What becomes of a folder: volumes with their notes, and reasons."""
    found = find_dicom_scans(
        look_through([folder]), labels, "image", Pseudonyms(bytes(32))
    )
    readings, reasons = [], []
    for row in found.candidates:
        if row.kind != "dicom":
            reasons.append(row.reason)
            continue
        files = found.series[row.source.files]
        numbers = row.source.frames or [None] * len(files)
        try:
            readings.append(read_series_part(frames_of(files, numbers)))
        except ScanError as error:
            reasons.append(str(error))
    return found, readings, reasons


def is_truth(volume, truth):
    """Whether a volume has the values and places of a truth."""
    wanted = np.asarray(truth.array, dtype=np.float32)
    return (
        volume.grid == wanted.shape
        and np.array_equal(volume.array[0].astype(np.float32), wanted)
        and np.abs(volume.affine - truth.affine).max() < PLACE
    )


@pytest.fixture
def labels(tmp_path):
    """A label map for everybody, so that nothing stays out for want of one."""
    path = tmp_path / "labels.tsv"
    path.write_text("subject\tlabel\npatient-1\tx.nii\n")
    return path


@pytest.mark.parametrize("name", CASES)
def test_exact_or_refused_with_its_reason(name, tmp_path, labels):
    case = CASES[name]
    case.write(tmp_path / "in")
    found, readings, reasons = outcomes(tmp_path / "in", labels)
    assert len(readings) == len(case.volumes), reasons
    left = list(case.volumes)
    for reading in readings:
        same = [truth for truth in left if is_truth(reading.volume, truth)]
        assert len(same) == 1, f"{name}: a volume that was never there"
        left.remove(same[0])
    assert len(reasons) == len(case.reasons), reasons
    for pattern, reason in zip(sorted(case.reasons), sorted(reasons), strict=True):
        assert re.match(pattern, reason), reason
    for key, value in case.notes:
        assert readings[0].notes[key] == value
    files = sorted(path for path in (tmp_path / "in").rglob("*") if path.is_file())
    assert (
        sorted(file.path for file in found.files if "x.nii" not in file.path.name)
        == files
    )
