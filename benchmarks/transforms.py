"""Time intensity normalization beside other packages, with a limit and a verdict.

    python benchmarks/transforms.py [--quick] [--rounds 9] [--threads 1] [--json FILE]
    python benchmarks/transforms.py --large [--folder DIR]

A row is a volume and a task: the ratio to the fastest package that is right, limit
1.05. Right is what differs little from the definition in float64 (z-scores and
percentiles by 1e-3, landmarks of Nyul by 1 % of the scale); packages that are not are
listed and do not count. Volumes are a head of 192x192x160 voxels as float32 and as
int16, four channels of 240x240x155 as float32, and a CT of 512x512x300 as int16. Arrays
in, array out, every package with the same number of threads; packages that mix channels
get them one by one. How times are taken: `verdicts.py`. The exit code is 1 if a row is
over its limit.

The masked z-score of int16 is also compared with a lower bound, limit 1.3: the least
that any two-pass method must do, a float64 sum of all voxels in blocks (one reading
pass; the mean is needed before the deviations), and a subtraction into a new float32
array (one reading and writing pass).

Then follow, by package, the memory that is taken at once besides the input, in
multiples of a float32 volume, and whether the caller's array is another afterwards.
With --large see `large_volume.py`.
"""

import argparse
import ctypes
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import large_volume
import numpy as np
import SimpleITK as sitk
import torch
import torchio
from intensity_normalization.adapters.images import NumpyImageAdapter
from intensity_normalization.normalizers.individual.zscore import ZScoreNormalizer
from intensity_normalization.normalizers.population.nyul import NyulNormalizer
from monai.transforms import (
    NormalizeIntensity,
    ScaleIntensityRange,
    ScaleIntensityRangePercentiles,
)
from numpy.typing import NDArray
from verdicts import OURS, Effort, Prepare, Row, Work, exit_code, judge, show

from medinorm.intensity import Policy, find_masks, fit_instance, fit_percentile
from medinorm.intensity.maps.linear import window_map
from medinorm.intensity.methods.nyul import PERCENTILES as LANDMARKS
from medinorm.intensity.methods.nyul import fit_nyul, measure_landmarks

SHAPES = {  # by name: number of channels, grid and type
    "head": (1, 192, 192, 160, "float32"),
    "head int16": (1, 192, 192, 160, "int16"),
    "four channels": (4, 240, 240, 155, "float32"),
    "CT int16": (1, 512, 512, 300, "int16"),
}
PERCENTILES = (1.0, 99.0)
WINDOW = (40.0, 400.0)
LIMIT = 1.05
BOUND = "two-pass bound"
BOUND_LIMIT = 1.3
Array = NDArray[Any]
Function = Callable[[Array], Any]


@dataclass(frozen=True)
class Task:
    """Something that packages do.

    Args:
        name: for the table.
        packages: ours and others.
        errors: how far a result is from what is right, in units of what is tolerated.
    """

    name: str
    packages: Mapping[str, Function]
    errors: Callable[[str, Array, Array], float]


def head(shape: Sequence[int], seed: int, dtype: str) -> Array:
    """A bright ellipsoid in air of exactly 0, in each channel."""
    rng = np.random.default_rng(seed)
    axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in shape[1:]]
    grid = np.meshgrid(*axes, indexing="ij", sparse=True)
    inside = sum(np.square(axis) for axis in grid) < 0.8
    image = rng.standard_normal(shape, dtype=np.float32)
    image *= 80
    image += 300 + seed + 50 * np.arange(shape[0]).reshape(-1, 1, 1, 1)
    np.clip(image, 1, None, out=image)
    image *= inside
    return image.astype(dtype)


def tasks(dtype: str, shape: Sequence[int]) -> list[Task]:
    """What is timed for a volume."""
    training = [head((shape[0], 48, 48, 40), seed, dtype) for seed in range(3)]
    every = [
        zscore_task(masked=False),
        zscore_task(masked=True),
        percentile_task(),
        nyul_task(training),
    ]
    return [*every, window_task()] if dtype == "int16" else every


def zscore_task(*, masked: bool) -> Task:
    """Mean 0 and standard deviation 1, over all voxels or those that are not 0."""
    policy = Policy("nonzero" if masked else "image")
    monai = NormalizeIntensity(nonzero=masked, channel_wise=True)
    tio = torchio.ZNormalization(masking_method=(lambda x: x > 0) if masked else None)

    def peer(channel: Array) -> Array:
        image = NumpyImageAdapter(channel)
        mask = None if masked else NumpyImageAdapter(np.ones(channel.shape, bool))
        return ZScoreNormalizer().fit(image, mask).transform(image, mask).get_data()

    def itk(channel: Array) -> Array:
        image = sitk.Cast(sitk.GetImageFromArray(channel), sitk.sitkFloat32)
        if not masked:
            return sitk.GetArrayFromImage(sitk.Normalize(image))
        statistics = sitk.LabelStatisticsImageFilter()
        statistics.Execute(image, sitk.NotEqual(image, 0))
        mean, std = statistics.GetMean(1), statistics.GetSigma(1)
        return sitk.GetArrayFromImage(sitk.ShiftScale(image, -mean, 1 / std))

    def error(_package: str, array: Array, result: Array) -> float:
        worst = 0.0
        for channel, mapped in zip(array, result, strict=True):
            inside = channel != 0 if masked else np.ones(channel.shape, bool)
            values = channel[inside].astype(np.float64)
            wanted = (values - values.mean()) / values.std()
            worst = max(worst, float(np.abs(mapped[inside] - wanted).max()))
        return worst / 1e-3

    packages = {
        OURS: lambda array: fit_instance(array, policy).apply(array),
        "MONAI": monai,
        "TorchIO": by_channel(in_torchio(tio)),
        "intensity-normalization": by_channel(peer),
        "SimpleITK": by_channel(itk),
    }
    return Task("z-score, masked" if masked else "z-score", packages, error)


def percentile_task() -> Task:
    """Two percentiles of all voxels to 0 and 1, clipped."""
    policy = Policy("image")
    monai = ScaleIntensityRangePercentiles(
        *PERCENTILES, 0, 1, clip=True, channel_wise=True
    )
    tio = torchio.RescaleIntensity((0, 1), percentiles=PERCENTILES)

    def error(_package: str, array: Array, result: Array) -> float:
        worst = 0.0
        for channel, mapped in zip(array, result, strict=True):
            low, high = np.percentile(channel.astype(np.float64), PERCENTILES)
            wanted = np.clip((channel - low) / (high - low), 0, 1)
            worst = max(worst, float(np.abs(mapped - wanted).max()))
        return worst / 1e-3

    packages = {
        OURS: lambda array: fit_percentile(array, PERCENTILES, policy).apply(array),
        "MONAI": monai,
        "TorchIO": by_channel(in_torchio(tio)),
    }
    return Task("percentiles", packages, error)


def window_task() -> Task:
    """The edges of a CT window to 0 and 1, clipped."""
    center, width = WINDOW
    edges = center - width / 2, center + width / 2
    tio = torchio.Compose(
        [torchio.Clamp(*edges), torchio.RescaleIntensity((0, 1), in_min_max=edges)]
    )

    def error(_package: str, array: Array, result: Array) -> float:
        wanted = np.clip((array - edges[0]) / width, 0, 1)
        return float(np.abs(result - wanted).max()) / 1e-3

    packages = {
        OURS: lambda array: window_map(center, width, len(array)).apply(array),
        "MONAI": ScaleIntensityRange(*edges, 0, 1, clip=True),
        "TorchIO": by_channel(in_torchio(tio)),
    }
    return Task("window", packages, error)


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

    def theirs(channel: Array) -> Array:
        image = torchio.ScalarImage(tensor=torch.from_numpy(channel[np.newaxis]))
        return tio(torchio.Subject(image=image))["image"].data[0].numpy()

    def error(package: str, array: Array, result: Array) -> float:
        # Each package has its own standard scale: landmarks must lie where it says.
        channel, mapped = array[0], result[0]
        found = np.percentile(mapped[channel > 0], LANDMARKS)
        wanted = np.asarray(standard.values[0])
        if package == "intensity-normalization":
            wanted = np.interp(LANDMARKS, peer.percentiles, peer.standard_scale)
        return float(np.abs(found - wanted).max() / np.ptp(wanted)) / 1e-2

    packages = {
        OURS: ours,
        "TorchIO": by_channel(theirs),
        "intensity-normalization": by_channel(
            lambda channel: peer.transform(NumpyImageAdapter(channel)).get_data()
        ),
    }
    return Task("nyul", packages, error)


def in_torchio(transform: Any) -> Function:
    """A TorchIO transform of the array of a channel."""

    def apply(channel: Array) -> Array:
        image = torchio.ScalarImage(tensor=torch.from_numpy(channel[np.newaxis]))
        return transform(image).data[0].numpy()

    return apply


def by_channel(function: Function) -> Function:
    """A function of a channel as one of an array; a single channel is not copied."""

    def apply(array: Array) -> Array:
        if len(array) == 1:
            return function(array[0])[np.newaxis]
        return np.stack([function(channel) for channel in array])

    return apply


def bound(array: Array) -> Array:
    """The least that a two-pass method does; see above."""
    block = 1 << 15
    ones, room = np.ones(block), np.empty(block)
    out = np.empty(array.shape, dtype=np.float32)
    for channel, target in zip(array, out, strict=True):
        voxels, total = channel.reshape(-1), 0.0
        for start in range(0, voxels.size, block):
            part = voxels[start : start + block]
            room[: part.size] = part
            total += room[: part.size].dot(ones[: part.size])
        np.subtract(channel, np.float32(total / voxels.size), out=target)
    return out


def judge_all(given: argparse.Namespace) -> Iterator[Row]:
    """The rows of all volumes and tasks."""
    for name, (*shape, dtype) in SHAPES.items():
        if given.quick:
            shape = [shape[0], *(length // 4 for length in shape[1:])]  # noqa: PLW2901
        base = head(shape, 0, dtype)
        effort = Effort(given.rounds, given.threads, 4 if given.quick else 1)
        for task in tasks(dtype, shape):
            case = f"{name:<14} {task.name}"
            prepared = prepare_packages(case, task, base)
            yield judge(case, prepared, LIMIT, effort)
            if task.name == "z-score, masked" and dtype == "int16":
                pair = {OURS: prepared[OURS], BOUND: prepare(bound, base)}
                yield judge(case, pair, BOUND_LIMIT, effort)


def prepare_packages(case: str, task: Task, base: Array) -> dict[str, Prepare]:
    """The packages of a task that are right; says which are not, and what they do.

    Raises:
        SystemExit: ours is wrong.
    """
    prepared = {}
    for package, function in task.packages.items():
        array = base.copy()
        try:
            result = np.asarray(function(array))
        except Exception as error:  # whatever others raise
            print(f"{case}: {package} raises {type(error).__name__}")
            continue
        changed = not np.array_equal(array, base)
        error = task.errors(package, base, result)
        del array, result
        if not error <= 1:
            print(f"{case}: {package} is wrong, {error:.0e} times what is tolerated")
            continue
        memory = peak_memory(function, base)
        words = ", changes its input" if changed else ""
        print(f"{case}: {package} takes memory for {memory:.1f} volumes{words}")
        prepared[package] = prepare(function, base)
    if OURS not in prepared:
        raise SystemExit(f"{case}: ours is wrong")
    return prepared


def prepare(function: Function, base: Array) -> Prepare:
    """How to prepare a call with a copy of `base`."""

    def copy_input() -> Work:
        return partial(function, base.copy())

    return copy_input


def peak_memory(function: Function, base: Array) -> float:
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


def restart_with(threads: int) -> None:
    """Begin anew where libraries would start with another number of threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    wanted = dict.fromkeys(names, str(threads))
    if {name: os.environ.get(name) for name in names} != wanted:
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | wanted)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 if a row is over its limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--quick", action="store_true", help="volumes of a 64th")
    parser.add_argument("--large", action="store_true", help="a volume on disk instead")
    parser.add_argument("--folder", type=Path, help="for --large; 15 GB free")
    given = parser.parse_args(arguments)
    if arguments is None:
        restart_with(given.threads)
    if given.large:
        rows = large_volume.show(given.folder, quick=given.quick)
        code = 0
    else:
        torch.set_num_threads(given.threads)
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(given.threads)
        judged = show(judge_all(given))
        rows, code = [row.as_dict() for row in judged], exit_code([*judged])
    if given.json:
        report = {"threads": given.threads, "rows": rows}
        given.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
