"""A canonical study on disk for tests: two scanners, spheres to segment."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medinorm.config import SplitConfig
from medinorm.files.nifti import Volume, write_volume
from medinorm.files.records import write_records
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.records.scans import ExcludedRow, Identity, ScanRow
from medinorm.split.stage import split_scans


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
