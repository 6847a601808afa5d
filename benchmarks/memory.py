"""Peak memory of ingest and harmonize on one large CT volume.

    python benchmarks/memory.py [--folder DIR] [--shape 512 512 1000]

A volume of int16 voxels of 1 mm and its label map are made in DIR (a few GB), brought
through both stages, and deleted. Each stage runs in a process of its own. What is shown
is its peak of resident memory above that of the interpreter with all imports, in MB and
in sizes of the volume in float32: 1,049 MB at 512x512x1000.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import nibabel as nib
import numpy as np

from medinorm.config import HarmonizeConfig, IngestConfig, InputConfig
from medinorm.files.nifti import read_volume
from medinorm.harmonize.spatial import resample_image
from medinorm.harmonize.stage import harmonize_scans
from medinorm.ingest.stage import ingest_scans

SHAPE = (512, 512, 1000)
Row = dict[str, Any]


def make_study(folder: Path, shape: Sequence[int]) -> None:
    """Write a volume with a gradient and noise, a label map, and a table of both."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 80, shape[:2]).astype(np.int16)
    image, label = np.zeros(shape, np.int16, "F"), np.zeros(shape, np.uint8, "F")
    for plane in range(shape[2]):
        image[..., plane] = np.roll(noise, 7 * plane, axis=0) + np.int16(plane // 8)
    middle = tuple(slice(size // 4, -(size // 4)) for size in shape)
    image[middle] += 300
    label[middle] = 1
    nib.Nifti1Image(image, np.eye(4)).to_filename(folder / "image.nii")
    nib.Nifti1Image(label, np.eye(4)).to_filename(folder / "label.nii")
    rows = "subject,image,label\na,image.nii,label.nii\n"
    (folder / "scans.csv").write_text(rows, encoding="utf-8")


def ingest(folder: Path) -> None:
    """From the table to canonical volumes."""
    study = InputConfig(scans=folder / "scans.csv", label_values={1: "a"})
    results, private = folder / "results", folder / "private"
    ingest_scans(
        results, private=private, columns=(), input=study, ingest=IngestConfig()
    )


def harmonize(spacing: float) -> Callable[[Path], None]:
    """From canonical volumes to a grid of cubes, by z-score."""

    def run(folder: Path) -> None:
        results, target = folder / "results", folder / f"harmonized-{spacing:g}"
        harmonize_scans(
            results / "scans.tsv",
            results / "canonical",
            target,
            target / "status.tsv",
            intensity="zscore",
            settings=HarmonizeConfig(spacing=(spacing,) * 3),
        )

    return run


STAGES: dict[str, Callable[[Path], None]] = {
    "ingest": ingest,
    "harmonize, same grid": harmonize(1.0),
    "harmonize to 1.5 mm": harmonize(1.5),
    "harmonize to 0.9 mm": harmonize(0.9),
}


def work(stage: str, folder: Path) -> Row:
    """Run a stage in this process; its time and the growth of its peak of memory."""
    _warm_up(folder)
    before, start = peak_resident_mb(), perf_counter()
    STAGES[stage](folder)
    seconds = perf_counter() - start
    return {"stage": stage, "s": seconds, "mb": peak_resident_mb() - before}


def _warm_up(folder: Path) -> None:
    """Load what the stages load at first use."""
    small = folder / "small.nii"
    nib.Nifti1Image(np.eye(4, dtype=np.int16)[..., None], np.eye(4)).to_filename(small)
    resample_image(read_volume(small), (2.0, 2.0, 2.0))


def peak_resident_mb() -> float:
    """The most memory this process had, in MB; since its start, by Linux."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e6


def measure(
    folder: Path | None, shape: Sequence[int], stages: Sequence[str]
) -> list[Row]:
    """Print and return the table."""
    size = 4 * math.prod(shape) / 1e6
    rows = []
    with tempfile.TemporaryDirectory(dir=folder) as made:
        make_study(Path(made), shape)
        for stage in stages:
            command = [sys.executable, __file__, "--worker", stage, made]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            row = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{stage:<22}{row['s']:7.1f} s{row['mb']:9.0f} MB above imports, "
                f"{row['mb'] / size:.2f} times float32"
            )
            rows.append(row)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="10 GB free; default: temporary")
    parser.add_argument("--shape", nargs=3, type=int, default=SHAPE)
    parser.add_argument("--stages", nargs="*", choices=STAGES, default=list(STAGES))
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.worker:
        stage, folder = given.worker
        print(json.dumps(work(stage, Path(folder))))
    else:
        measure(given.folder, given.shape, given.stages)
    return 0


if __name__ == "__main__":
    sys.exit(main())
