"""Normalize a volume larger than memory, from disk to disk.

    python benchmarks/large_volume.py [--folder DIR] [--quick]

A volume of 2048x2048x600 int16 voxels (5 GB; its float32 result has 10) is made in DIR,
normalized, and deleted: by each source of statistics in a fresh process, whose peak of
resident memory is shown.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, get_args

import numpy as np

from medinorm.choices import SourceName
from medinorm.intensity import Policy, apply_slabs, fit_thumbnail

SHAPE = (1, 2048, 2048, 600)
QUICK_SHAPE = (1, 256, 256, 300)
Row = dict[str, Any]


def normalize_large(folder: Path, shape: tuple[int, ...]) -> list[Row]:
    """Normalize a volume on disk by each source of statistics."""
    source = folder / "large.npy"
    make_large(source, shape)
    rows = []
    for statistics in get_args(SourceName):
        command = [sys.executable, __file__, "--worker", statistics, str(source)]
        start = perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        row = json.loads(done.stdout)
        rows.append({**row, "statistics": statistics, "s": perf_counter() - start})
    source.unlink()
    return rows


def make_large(path: Path, shape: tuple[int, ...]) -> None:
    """Write noise around a gradient, plane by plane."""
    rng = np.random.default_rng(0)
    noise = rng.normal(300, 80, shape[2:]).astype(np.int16)
    header = {"descr": "<i2", "fortran_order": False, "shape": shape}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for plane in range(shape[1]):
            shifted = np.roll(noise, 7 * plane, axis=0) + np.int16(plane // 8)
            shifted[:, : shape[3] // 5] = 0
            stream.write(shifted.tobytes())


def work(statistics: SourceName, source: Path) -> Row:
    """Normalize the volume in this process; its peak of resident memory."""
    policy = Policy("nonzero", background=0)
    volume = np.load(source, mmap_mode="r")
    fitted = fit_thumbnail(volume, policy, source=statistics)
    target = source.with_name("normalized.npy")
    out = np.lib.format.open_memmap(target, "w+", np.float32, volume.shape)
    apply_slabs(fitted, volume, out, policy)
    middle = out[0, out.shape[1] // 2, out.shape[2] // 2, -3:].tolist()
    del out
    target.unlink()
    return {
        "mean": fitted.offset[0],
        "std": fitted.scale[0],
        "peak_mb": peak_resident_mb(),
        "voxels": middle,
    }


def peak_resident_mb() -> float:
    """The most memory this process had, in MB; since its start, by Linux."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def show(folder: Path | None, *, quick: bool) -> list[Row]:
    """Print and return the table."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        rows = normalize_large(Path(made), QUICK_SHAPE if quick else SHAPE)
    for row in rows:
        print(
            f"{row['statistics']:<10}{row['s']:7.1f} s  peak {row['peak_mb']:6.0f} MB  "
            f"mean {row['mean']:.3f}  std {row['std']:.3f}"
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="15 GB free; default: temporary")
    parser.add_argument("--quick", action="store_true", help="a small volume")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.worker:
        statistics, source = given.worker
        print(json.dumps(work(statistics, Path(source))))
    else:
        show(given.folder, quick=given.quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
