"""Time intensity normalization side by side with other packages, in one process.

    python benchmarks/transforms.py [--threads 1] [--repeats 7] [--json FILE] [--quick]
    python benchmarks/transforms.py --large [--folder DIR]

One channel of 192x192x160 voxels, as float32 and as int16; a fresh input each time,
packages in turns so that a busy machine slows all alike, medians; arrays in, array out,
every package with the same number of threads. Memory is the most that is
taken at once besides the input, in multiples of a float32 volume.

The lower bound is the least that any two-pass method must do here: a float64 sum of all
voxels in blocks (one reading pass; the mean is needed before the deviations), and a
subtraction into a new float32 array (one reading and writing pass). `traffic` is the
same without float64: `max`, and a copy as float32.

A package that fails is named with its error. With --large see `large_volume.py`.
"""

import argparse
import ctypes
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import large_volume
import numpy as np
import SimpleITK as sitk
import torch
import torchio
from intensity_normalization.adapters.images import NumpyImageAdapter
from intensity_normalization.normalizers.individual.zscore import ZScoreNormalizer
from intensity_normalization.normalizers.population.nyul import NyulNormalizer
from monai.transforms import NormalizeIntensity, ScaleIntensityRangePercentiles
from numpy.typing import NDArray

from medinorm.intensity import Policy, find_masks, fit_instance, fit_percentile
from medinorm.intensity.methods.nyul import fit_nyul, measure_landmarks

SHAPE = (192, 192, 160)
QUICK_SHAPE = (48, 48, 40)
PERCENTILES = (1.0, 99.0)
Array = NDArray[Any]
Task = Mapping[str, Callable[[Array], Any]]
Row = dict[str, Any]


def head(shape: Sequence[int], seed: int, dtype: str) -> Array:
    """A bright ellipsoid in air of exactly 0."""
    rng = np.random.default_rng(seed)
    grid = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    inside = sum(np.square(axis) for axis in grid) < 0.8
    image = rng.normal(300 + seed, 80, shape).clip(1) * inside
    return image.astype(dtype)[np.newaxis]


def tasks(dtype: str, shape: Sequence[int]) -> Mapping[str, Task]:
    """What is timed: by task, then by package."""
    return {
        "z-score": zscore_task(masked=False),
        "z-score, masked": zscore_task(masked=True),
        "percentiles": percentile_task(),
        "nyul": nyul_task([head(shape, seed, dtype) for seed in range(3)]),
    }


def bounds() -> Task:
    """The lower bound, and the traffic alone."""
    block = 1 << 15
    ones, room = np.ones(block), np.empty(block)

    def two_passes(array: Array) -> Array:
        voxels, total = array.reshape(-1), 0.0
        for start in range(0, voxels.size, block):
            part = voxels[start : start + block]
            room[: part.size] = part
            total += room[: part.size].dot(ones[: part.size])
        mean = np.float32(total / voxels.size)
        out = np.empty(array.shape, dtype=np.float32)
        return np.subtract(array, mean, out=out)

    def traffic(array: Array) -> tuple[Any, Array]:
        return array.max(), array.astype(np.float32, copy=True)

    return {"lower bound": two_passes, "traffic": traffic}


def zscore_task(*, masked: bool) -> Task:
    """Mean 0 and standard deviation 1, over all voxels or those that are not 0."""
    policy = Policy("nonzero" if masked else "image")
    monai = NormalizeIntensity(nonzero=masked, channel_wise=True)
    tio = torchio.ZNormalization(masking_method=(lambda x: x > 0) if masked else None)

    def peer(array: Array) -> Array:
        image = NumpyImageAdapter(array[0])
        mask = None if masked else NumpyImageAdapter(np.ones(array[0].shape, bool))
        return ZScoreNormalizer().fit(image, mask).transform(image, mask).get_data()

    def itk(array: Array) -> Array:
        image = sitk.Cast(sitk.GetImageFromArray(array[0]), sitk.sitkFloat32)
        if not masked:
            return sitk.GetArrayFromImage(sitk.Normalize(image))
        statistics = sitk.LabelStatisticsImageFilter()
        statistics.Execute(image, sitk.NotEqual(image, 0))
        mean, std = statistics.GetMean(1), statistics.GetSigma(1)
        return sitk.GetArrayFromImage(sitk.ShiftScale(image, -mean, 1 / std))

    return {
        "medinorm": lambda array: fit_instance(array, policy).apply(array),
        "MONAI": monai,
        "TorchIO": in_torchio(tio),
        "intensity-normalization": peer,
        "SimpleITK": itk,
    }


def percentile_task() -> Task:
    """Two percentiles of all voxels to 0 and 1, clipped."""
    policy = Policy("image")
    monai = ScaleIntensityRangePercentiles(*PERCENTILES, 0, 1, clip=True)
    tio = torchio.RescaleIntensity((0, 1), percentiles=PERCENTILES)
    return {
        "medinorm": lambda array: fit_percentile(array, PERCENTILES, policy).apply(
            array
        ),
        "MONAI": monai,
        "TorchIO": in_torchio(tio),
    }


def nyul_task(training: Sequence[Array]) -> Task:
    """Eleven landmarks of the voxels above 0 to a standard scale, fitted before."""
    policy = Policy("positive")
    landmarks = [measure_landmarks(one, find_masks(one, policy)) for one in training]
    standard = fit_nyul(landmarks)
    peer = NyulNormalizer()
    peer.fit_population([NumpyImageAdapter(one[0].astype(float)) for one in training])
    # TorchIO fits from files; its 13 landmarks are the same percentiles and quartiles.
    percentiles = (1, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 99)
    places = np.interp(percentiles, standard.percentiles, standard.values[0])
    tio = torchio.HistogramStandardization(
        {"image": places}, masking_method=lambda x: x > 0
    )

    def ours(array: Array) -> Array:
        return standard.map_for(array, find_masks(array, policy)).apply(array)

    def theirs(array: Array) -> Any:
        subject = torchio.Subject(
            image=torchio.ScalarImage(tensor=torch.from_numpy(array))
        )
        return tio(subject)["image"].data

    return {
        "medinorm": ours,
        "TorchIO": theirs,
        "intensity-normalization": lambda array: peer.transform(
            NumpyImageAdapter(array[0])
        ).get_data(),
    }


def in_torchio(transform: Any) -> Callable[[Array], Any]:
    """A TorchIO transform of an array."""
    return lambda array: (
        transform(torchio.ScalarImage(tensor=torch.from_numpy(array))).data
    )


def time_all(shape: Sequence[int], repeats: int) -> list[Row]:
    """Time every task and package, in both types."""
    rows = []
    for dtype in ("float32", "int16"):
        base = head(shape, 0, dtype)
        for task, packages in tasks(dtype, shape).items():
            rows += [
                {"dtype": dtype, "task": task, **row}
                for row in time_task({**bounds(), **packages}, base, repeats)
            ]
    return rows


def time_task(task: Task, base: Array, repeats: int) -> list[Row]:
    """Time the packages of one task."""
    failed = {package: error_of(function, base) for package, function in task.items()}
    able = {package: task[package] for package in task if not failed[package]}
    times = time_in_turns(able, base, repeats)
    rows = [
        {
            "package": package,
            "ms": 1e3 * seconds,
            "to_medinorm": seconds / times["medinorm"],
            "to_bound": seconds / times["lower bound"],
            "memory": peak_memory(task[package], base),
            "changes_input": changes_input(task[package], base),
        }
        for package, seconds in times.items()
    ]
    return rows + [
        {"package": package, "error": error}
        for package, error in failed.items()
        if error
    ]


def error_of(function: Callable[[Array], Any], base: Array) -> str | None:
    """The kind of error a package raises here, if it does."""
    try:
        function(base.copy())
    except Exception as error:
        return type(error).__name__
    return None


def time_in_turns(task: Task, base: Array, repeats: int) -> dict[str, float]:
    """Median seconds of each package, after `error_of` warmed it up."""
    times: dict[str, list[float]] = {package: [] for package in task}
    for _ in range(repeats):
        for package, function in task.items():
            array = base.copy()
            start = perf_counter()
            kept = function(array)
            times[package].append(perf_counter() - start)
            del kept
    return {package: median(found) for package, found in times.items()}


def peak_memory(function: Callable[[Array], Any], base: Array) -> float:
    """The most memory taken at once, in multiples of a float32 volume.

    By the resident memory of the process, whoever allocates; only Linux tells.
    """
    array = base.copy()
    ctypes.CDLL(None).malloc_trim(0)  # what earlier calls left must not hide this one
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # resets the peak
    kept = function(array)
    peak = resident("VmHWM") - before
    del kept
    return peak / (4 * array.size)


def resident(name: str) -> int:
    """Resident memory of this process in bytes: now, or the peak."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith(name)]
    return 1024 * int(line.split()[1])


def changes_input(function: Callable[[Array], Any], base: Array) -> bool:
    """Whether the caller's array is another afterwards."""
    array = base.copy()
    function(array)
    return not np.array_equal(array, base)


def restart_with(threads: int) -> None:
    """Begin anew where libraries would start with another number of threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    wanted = dict.fromkeys(names, str(threads))
    if {name: os.environ.get(name) for name in names} != wanted:
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | wanted)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, help="also write the results here")
    parser.add_argument("--quick", action="store_true", help="small volumes, as a test")
    parser.add_argument("--large", action="store_true", help="a volume on disk instead")
    parser.add_argument("--folder", type=Path, help="for --large; 15 GB free")
    given = parser.parse_args(arguments)
    if arguments is None:
        restart_with(given.threads)
    if given.large:
        rows = large_volume.show(given.folder, quick=given.quick)
    else:
        rows = show(given)
    if given.json:
        report = {"threads": given.threads, "rows": rows}
        given.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def show(given: argparse.Namespace) -> list[Row]:
    """Print and return the table."""
    torch.set_num_threads(given.threads)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(given.threads)
    rows = time_all(QUICK_SHAPE if given.quick else SHAPE, given.repeats)
    print(
        "dtype   task            package                       ms  x ours x bound mem"
    )
    for row in rows:
        print(f"{row['dtype']:<8}{row['task']:<16}{row['package']:<24}", end="")
        if "error" in row:
            print(row["error"])
            continue
        print(
            f"{row['ms']:9.2f}{row['to_medinorm']:8.2f}{row['to_bound']:8.2f}"
            f"{row['memory']:5.1f}"
            f"{'  changes its input' if row['changes_input'] else ''}"
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
