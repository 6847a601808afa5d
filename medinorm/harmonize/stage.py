"""The harmonize stage: scans on one voxel grid and one intensity scale, in shards."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from medinorm.choices import FITTED_INTENSITIES, IntensityName
from medinorm.config import AutoHarmonizeConfig, HarmonizeConfig
from medinorm.damage import require_intact
from medinorm.errors import IntensityError, StageError
from medinorm.files.atomic import checksum
from medinorm.files.nifti import write_volume
from medinorm.files.sidecars import (
    Provenance,
    discard_others,
    discarding,
    is_current,
    recorded_checksum,
    write_sidecar,
)
from medinorm.harmonize.fit import read_map_of
from medinorm.harmonize.sample import Sample, mask_path, read_labels, read_sample
from medinorm.harmonize.spatial import orient_to_ras, resample_labels
from medinorm.intensity import FittedMap, IntensityMap, map_to_dict
from medinorm.intensity.maps.intensity_map import ChannelMap, fill_background
from medinorm.intensity.method import fit_scan, make_learned
from medinorm.jobs.declare import stage
from medinorm.jobs.shards import Done, Failed, State, in_shard, run_items
from medinorm.layout import named_paths
from medinorm.records.scans import Scan, read_scans
from medinorm.records.status import ScanStatus
from medinorm.training_plan.resolve import resolve_harmonize

_SLAB = 32  # planes that are mapped at once


@dataclass(frozen=True)
class Harmonizing:
    """What all scans of a job share.

    Args:
        folder: to write to.
        intensity: the method.
        settings: grid, foreground and the methods' parameters.
        learned: the fitted map, where the method has one.
        digest: its file's checksum, or empty.
    """

    folder: Path
    intensity: IntensityName
    settings: HarmonizeConfig
    learned: FittedMap | None = None
    digest: str = ""

    def paths(self, scan: Scan) -> tuple[Path, Path]:
        """Image and label map to write."""
        return named_paths(self.folder, scan.scan, compress=self.settings.compress)

    def map_for(self, sample: Sample) -> IntensityMap:
        """The map of one scan.

        Raises:
            IntensityError: its intensities are unusable.
        """
        options = self.settings.intensity_options.of(self.intensity)
        if self.learned is None:
            return fit_scan(self.intensity, sample, options)
        method = make_learned(self.intensity, options)
        return method.map_for(self.learned.map, sample)


@stage("harmonize", after="fit")
def harmonize_scans(  # noqa: PLR0913  (one argument a flag)
    scans: Path,
    canonical: Path,
    harmonized: Path,
    status: Path,
    *,
    intensity: IntensityName,
    fitted: Path | None = None,
    splits: Path | None = None,
    split: str | None = None,
    shard: int = 0,
    shards: int = 1,
    training_plan: Path | None = None,
    settings: AutoHarmonizeConfig,
) -> list[tuple[Scan, Done[str] | Failed]]:
    """Bring the scans of one shard to the study's grid and intensity scale.

    Writes for each scan a float32 image and a label map as NIfTI: uncompressed, which
    training reads through memory mapping, unless `settings` asks otherwise. Scans that
    are current are skipped.

    Args:
        scans: `scans.tsv`.
        canonical: folder to which its paths are relative.
        harmonized: folder to write to.
        status: table to write, one row a scan.
        intensity: the method.
        fitted: the fitted map, where the method has one.
        splits: `splits.tsv`, to check that a fitted map knows training scans only.
        split: the split of these training scans.
        shard: which part of the scans.
        shards: into how many parts.
        training_plan: the study's plan, where it decides the spacing.
        settings: grid, foreground and the methods' parameters.

    Returns:
        The scans and how each ended: made, current, or the reason why not.

    Raises:
        ConfigError: the spacing is `auto` and there is no plan.
        StageError: the method is unknown, would read labels of test scans, lacks its
            fitted map or takes none, or its map was fitted on other scans.
    """
    resolved = resolve_harmonize(settings, training_plan)
    _require_possible(intensity, resolved)
    if intensity in FITTED_INTENSITIES:
        if fitted is None or splits is None or split is None:
            raise StageError(
                f"{intensity} needs a fitted map, and splits and split to check it"
            )
        learned = read_map_of(
            fitted, splits, intensity=intensity, split=split, settings=resolved
        )
        job = Harmonizing(harmonized, intensity, resolved, learned, checksum(fitted))
    elif fitted or splits or split:
        raise StageError(f"{intensity} takes no fitted map")
    else:
        job = Harmonizing(harmonized, intensity, resolved)
    table = read_scans(scans, canonical)
    discard_others(harmonized, table.keys())

    def work(scan: Scan) -> Done[str]:
        with discarding(*_possible_paths(harmonized, scan)):
            state = harmonize_scan(scan, job)
            return Done(state, _content(scan, job))

    return run_items(
        in_shard(table.values(), shard, shards),
        work,
        status,
        title=f"harmonize {intensity}",
        record=ScanStatus,
    )


def harmonize_scan(scan: Scan, job: Harmonizing) -> State:
    """Harmonize one scan, unless its output is current.

    Raises:
        ScanError: the scan cannot be read or its intensities are unusable.
    """
    image, label = job.paths(scan)
    outputs = (label, image) if scan.label else (image,)
    provenance = _provenance(scan, job)
    if all(is_current(output, provenance) for output in outputs):
        return "current"
    settings = job.settings
    masked = settings.masks_scans(job.intensity)
    sample = read_sample(scan, settings, masked=masked)
    intensity_map = job.map_for(sample)
    mapped = _map_in_place(intensity_map, sample)
    if settings.background is not None:
        fill_background(mapped, sample.masks, settings.background)
    facts = {
        "map": map_to_dict(intensity_map),
        "checks": {**sample.facts, "channels": _check(mapped, sample.masks)},
    }
    for stale in _possible_paths(job.folder, scan):
        stale.unlink(missing_ok=True)
    if scan.label:
        _write_labels(scan.label, settings, label)
        write_sidecar(label, provenance)
    write_volume(sample.volume.with_array(mapped), image)
    write_sidecar(image, provenance, facts)
    return "made"


def _content(scan: Scan, job: Harmonizing) -> str:
    """Checksum of the image, and of the label map where there is one."""
    image, label = job.paths(scan)
    outputs = (image, label) if scan.label else (image,)
    return " ".join(map(recorded_checksum, outputs))


def _write_labels(source: Path, settings: HarmonizeConfig, target: Path) -> None:
    """Bring a label map to the study's grid; its memory is free again afterwards."""
    labels = orient_to_ras(read_labels(source))
    write_volume(resample_labels(labels, settings.spacing), target, np.uint8)


def _require_possible(intensity: IntensityName, settings: HarmonizeConfig) -> None:
    """Refuse an unknown method, and settings that read labels of test scans.

    Raises:
        StageError: the method or the settings are refused.
    """
    if intensity not in get_args(IntensityName):
        known = ", ".join(get_args(IntensityName))
        raise StageError(f"intensity {intensity!r} is unknown; known: {known}")
    if settings.foreground == "label" and settings.masks_scans(intensity):
        raise StageError(
            f"foreground: label would read the labels of test scans for {intensity}; "
            "choose another foreground"
        )


def _possible_paths(folder: Path, scan: Scan) -> list[Path]:
    """Image and label map of a scan, uncompressed and compressed."""
    return [
        path
        for compress in (False, True)
        for path in named_paths(folder, scan.scan, compress=compress)
    ]


def _check(
    mapped: NDArray[np.float32], masks: Sequence[NDArray[np.bool_] | None]
) -> list[dict[str, float]]:
    """What each channel has become: range of all voxels, moments of the foreground.

    Raises:
        IntensityError: it holds values that are not finite.
    """
    checks = []
    for channel, mask in zip(mapped, masks, strict=True):
        low, high = float(channel.min()), float(channel.max())
        if not np.isfinite((low, high)).all():
            raise IntensityError("the map leaves values that are not finite")
        mean, std = _moments(channel, mask)
        checks.append({"low": low, "high": high, "mean": mean, "std": std})
    return checks


def _map_in_place(intensity_map: IntensityMap, sample: Sample) -> NDArray[np.float32]:
    """A sample's voxels under a map; in the memory of the sample, if it may be.

    Only a `ChannelMap` may be applied to a part of a scan: others know the whole grid.
    """
    array = sample.array
    if not isinstance(intensity_map, ChannelMap):
        return intensity_map.apply(array, sample.masks)
    for start in range(0, array.shape[1], _SLAB):
        slab = slice(start, start + _SLAB)
        masks = [None if mask is None else mask[slab] for mask in sample.masks]
        array[:, slab] = intensity_map.apply(array[:, slab], masks)
    return array


def _moments(
    channel: NDArray[np.float32], mask: NDArray[np.bool_] | None
) -> tuple[float, float]:
    """Mean and standard deviation of the foreground, a plane at a time."""
    planes = [
        (plane, None if mask is None else mask[number])
        for number, plane in enumerate(channel)
    ]
    count = channel.size if mask is None else int(np.count_nonzero(mask))
    if not count:
        return float("nan"), float("nan")

    def total(power: int, offset: float) -> float:
        return math.fsum(
            float(((inside.astype(float) - offset) ** power).sum())
            for plane, own in planes
            for inside in [plane if own is None else plane[own]]
        )

    mean = total(1, 0.0) / count
    return mean, math.sqrt(total(2, mean) / count)


def _provenance(scan: Scan, job: Harmonizing) -> Provenance:
    """What the harmonized files of a scan depend on."""
    settings = job.settings
    inputs = {"image": recorded_checksum(require_intact(scan.image))}
    if scan.label:
        inputs["label"] = recorded_checksum(require_intact(scan.label))
    if job.digest:
        inputs["map"] = job.digest
    if settings.masks is not None and settings.masks_scans(job.intensity):
        path = mask_path(settings.masks, scan)
        inputs["mask"] = checksum(path) if path.exists() else ""
    record = settings.record(job.intensity, fitting=False)
    return Provenance({"intensity": job.intensity, **record}, inputs)
