"""What all tests share."""

import os
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from medinorm.config import SplitConfig
from medinorm.files.nifti import Volume, write_volume
from medinorm.files.records import write_records
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.records.scans import ExcludedRow, Identity, ScanRow
from medinorm.split.stage import split_scans

# A loaded machine is no failure; CI tries the same examples each time, a developer
# others each time.
settings.register_profile(
    "medinorm", deadline=None, derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("medinorm")

ROOT = Path(__file__).resolve().parents[1]


# Minutes each: they come first, so that no process waits for one of them in the end.
LONG = ("test_faults.py", "test_workflow.py", "test_planted.py", "test_notebooks.py")


def pytest_collection_modifyitems(items):
    """Put the long files first."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session")
def real_data():
    """Folder of real scans; tests that need it are skipped without it."""
    folder = Path(os.environ.get("MEDINORM_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real data: set MEDINORM_REAL_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def process_server():
    """The server of which processes are forked: it imports once what training needs."""
    forkserver.set_forkserver_preload(["medinorm.train.stage"])
    forkserver.ensure_running()


@dataclass(frozen=True)
class SmallStudy:
    """A canonical study on disk: two scanners, spheres to segment."""

    folder: Path
    canonical: Path
    scans: Path
    splits: Path
    ids: tuple[str, ...]


def write_sphere(canonical, scan, *, seed, gain):
    """One scan: a bright sphere in noise, a little elsewhere for each seed."""
    rng = np.random.default_rng(seed)
    middle = rng.uniform(10, 14, 3)
    index = np.stack(np.meshgrid(*[np.arange(24)] * 3, indexing="ij"), axis=-1)
    distance = np.linalg.norm(index - middle, axis=-1)
    label = (distance < 7).astype(np.uint8) + (distance < 4)
    image = gain * (10 + 30.0 * label + rng.normal(0, 2, label.shape))
    affine = np.diag([-1.0, 1.0, 1.0, 1.0])
    path = canonical / f"{scan}.nii.gz"
    write_volume(Volume(image[np.newaxis].astype(np.float32), affine), path)
    write_sidecar(path, Provenance({"seed": seed}, {}))
    label_path = canonical / f"{scan}_dseg.nii.gz"
    write_volume(Volume(label[np.newaxis], affine), label_path)
    write_sidecar(label_path, Provenance({"seed": seed}, {}))
    return path.name, label_path.name


def write_small_study(folder):
    """Four subjects on each of two scanners; two of each four test."""
    canonical = folder / "canonical"
    rows = []
    for number in range(8):
        scan, domain = f"sub-{number}_T1w", "ab"[number % 2]
        image, label = write_sphere(
            canonical, scan, seed=number, gain=1 + 9 * (number % 2)
        )
        rows.append(
            ScanRow(
                scan=scan,
                subject=str(number),
                session=None,
                image=image,
                label=label,
                channels=("image",),
                content="",
                identity=Identity(scanner=domain),
            )
        )
    scans, by_ingest = folder / "scans.tsv", folder / "by_ingest.tsv"
    splits, excluded = folder / "splits.tsv", folder / "excluded.tsv"
    write_records(scans, rows, ScanRow)
    write_records(by_ingest, [], ExcludedRow)
    split_scans(scans, by_ingest, splits, excluded, settings=SplitConfig(folds=2))
    ids = tuple(row.scan for row in rows)
    return SmallStudy(folder, canonical, scans, splits, ids)


@pytest.fixture
def small_study(tmp_path):
    """Four subjects on each of two scanners; two of each four test."""
    return write_small_study(tmp_path)


@pytest.fixture(scope="session")
def make_small_study():
    """Writes such a study into a folder, for fixtures that many tests share."""
    return write_small_study
