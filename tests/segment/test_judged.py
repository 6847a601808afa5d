"""Scans that the networks do not know are flagged while they are segmented."""

import numpy as np
import pytest

from medinorm.config import IngestConfig
from medinorm.expected.records import JudgedScanRow
from medinorm.files.nifti import Volume, write_volume
from medinorm.files.records import read_records
from medinorm.files.tables import write_table
from medinorm.segment.stage import segment_scans
from tests.small_study import write_sphere

RADIUS = np.linalg.norm(np.indices((24, 24, 24)) - 12.0, axis=0)
GRID = np.diag([-1.0, 1.0, 1.0, 1.0])


def write_ct(path):
    """Air, soft tissue and a shell of bone, in HU."""
    noise = np.random.default_rng(0).normal(0, 15, RADIUS.shape)
    array = np.select([RADIUS < 8, RADIUS < 10], [40.0, 1000.0], -1000.0) + noise
    write_volume(Volume(array[np.newaxis].astype(np.float32), GRID), path)


def write_phantom(path):
    """A uniform cylinder with a hole, and little noise."""
    x, y, _ = np.indices(RADIUS.shape) - 12.0
    array = 100.0 * (np.hypot(x, y) < 11) * (np.hypot(x - 5, y) > 2)
    array += np.random.default_rng(0).normal(0, 0.3, array.shape)
    write_volume(Volume(array[np.newaxis].astype(np.float32), GRID), path)


@pytest.fixture(scope="module")
def rows(made_bundle, tmp_path_factory):
    """What is said of scans like those of the study, and of others."""
    folder = tmp_path_factory.mktemp("judged")
    for seed, gain in ((20, 1), (21, 10)):
        write_sphere(folder, f"known{seed}", seed=seed, gain=gain)
    write_ct(folder / "ct.nii.gz")
    write_phantom(folder / "phantom.nii.gz")
    scanners = {"known20": "a", "known21": "b", "ct": "", "phantom": "c"}
    table = [
        {"subject": name, "image": f"{name}.nii.gz", "scanner": scanner}
        for name, scanner in scanners.items()
    ]
    write_table(folder / "scans.tsv", table, ("subject", "image", "scanner"))
    segment_scans(
        made_bundle[1],
        folder / "out",
        scans=folder / "scans.tsv",
        private=folder / "private",
        ingest=IngestConfig(subjects="keep"),
    )
    found = read_records(folder / "out" / "expected.tsv", JudgedScanRow)
    return {row.scan.split("_")[0].removeprefix("sub-"): row for row in found}


def test_scans_like_those_of_the_study_pass(rows):
    for name, domain in (("known20", "a"), ("known21", "b")):
        assert rows[name].known is True, domain
        assert not rows[name].flagged, rows[name].reasons


def test_a_ct_and_a_phantom_are_flagged_by_what_they_look_like(rows):
    for name in ("ct", "phantom"):
        assert rows[name].flagged
        assert "intensities are unlike" in rows[name].reasons
        assert rows[name].distance > rows[name].limit


def test_a_scanner_is_known_unknown_or_not_told(rows):
    assert [rows[name].known for name in ("ct", "phantom")] == [None, False]
    assert "its domain is none" in rows["phantom"].reasons
    assert "its domain" not in rows["ct"].reasons
