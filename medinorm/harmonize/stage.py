"""The harmonize stage: fit a map on a split's training scans, apply it to scans."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from medinorm.choices import PER_SCAN_INTENSITIES, IntensityName
from medinorm.config import HarmonizeConfig
from medinorm.errors import ScanError, StageError
from medinorm.files import checksum, read_json, write_json
from medinorm.harmonize.spatial import orient_to_ras, resample_image, resample_labels
from medinorm.intensity import (
    LinearMap,
    Moments,
    find_foreground,
    fit_percentiles,
    measure_moments,
    merge_moments,
    standardize,
)
from medinorm.progress import track
from medinorm.provenance import (
    Provenance,
    discard_others,
    discarding,
    is_current,
    recorded_checksum,
    write_sidecar,
)
from medinorm.scan import Role, Scan, read_scans
from medinorm.shards import State, in_shard, run_items
from medinorm.tables import Row, read_table
from medinorm.volume import Volume, read_volume, write_volume


@dataclass(frozen=True)
class FittedMap:
    """A map learned from the training scans of one split.

    Args:
        intensity: the method.
        split: whose training scans it was fitted on.
        scans: how many those were.
        fitted_on: checksum of their ids, sorted.
        map: what to apply to every scan.
    """

    intensity: IntensityName
    split: str
    scans: int
    fitted_on: str
    map: LinearMap


def fit_intensity(  # noqa: PLR0913  (one argument a flag)
    scans: Path,
    canonical: Path,
    splits: Path,
    target: Path,
    *,
    intensity: IntensityName,
    split: str,
    settings: HarmonizeConfig,
) -> None:
    """Fit `intensity` on the training scans of `split` and write the map as JSON.

    Validation and test scans are never read.

    Raises:
        StageError: the method has nothing to fit, or no training scan can be measured.
    """
    if intensity in PER_SCAN_INTENSITIES:
        raise StageError(f"{intensity} works scan by scan: there is nothing to fit")
    table = read_scans(scans, canonical)
    training = scans_of(read_table(splits), split, "train")
    parts = []
    for scan in track(training, f"fit {intensity} on {split}"):
        try:
            parts.append(_moments(read_gridded(table[scan], settings), settings))
        except ScanError as error:
            raise StageError(f"{scan}: {error}") from error
    fitted = FittedMap(
        intensity=intensity,
        split=split,
        scans=len(training),
        fitted_on=hashlib.blake2b("\n".join(training).encode()).hexdigest()[:32],
        map=standardize(merge_moments(parts)),
    )
    write_json(target, asdict(fitted))


def harmonize_scans(  # noqa: PLR0913  (one argument a flag)
    scans: Path,
    canonical: Path,
    harmonized: Path,
    status: Path,
    *,
    intensity: IntensityName,
    fitted: Path | None,
    shard: int,
    shards: int,
    settings: HarmonizeConfig,
) -> list[Row]:
    """Bring the scans of one shard to the study's grid and intensity scale.

    Writes for each scan a float32 image and a label map as uncompressed NIfTI, which
    training reads through memory mapping. Scans that are current are skipped.

    Args:
        scans: `scans.tsv`.
        canonical: folder to which its paths are relative.
        harmonized: folder to write to.
        status: table to write, one row a scan.
        intensity: the method.
        fitted: the fitted map, where the method has one.
        shard: which part of the scans.
        shards: into how many parts.
        settings: grid, foreground and the methods' parameters.

    Returns:
        The status rows, with what was made and what was current.

    Raises:
        StageError: the method needs a fitted map and there is none, or the reverse.
    """
    if (fitted is None) != (intensity in PER_SCAN_INTENSITIES):
        need = "takes no" if fitted else "needs a"
        raise StageError(f"{intensity} {need} fitted map")
    table = read_scans(scans, canonical)
    discard_others(harmonized, table.keys())
    rows = in_shard(({"scan": scan} for scan in table), shard, shards)

    def work(row: Row) -> State:
        scan = table[row["scan"]]
        image, label = harmonized_paths(harmonized, scan.scan)
        with discarding(image, label):
            state = harmonize_scan(scan, harmonized, intensity, fitted, settings)
            row["content"] = recorded_checksum(image)
            return state

    return run_items(rows, work, status, title=f"harmonize {intensity}")


def harmonize_scan(
    scan: Scan,
    harmonized: Path,
    intensity: IntensityName,
    fitted: Path | None,
    settings: HarmonizeConfig,
) -> State:
    """Harmonize one scan, unless its output is current.

    Raises:
        ScanError: the scan cannot be read or its intensities are unusable.
    """
    image, label = harmonized_paths(harmonized, scan.scan)
    provenance = _provenance(scan, intensity, fitted, settings)
    if is_current(image, provenance):
        return "current"
    volume = read_gridded(scan, settings)
    map_ = _read_map(fitted) if fitted else FITS[intensity](volume, settings)
    if scan.label:
        labels = orient_to_ras(read_volume(scan.label))
        write_volume(resample_labels(labels, settings.spacing), label, np.uint8)
    write_volume(volume.with_array(map_.apply(volume.array)), image)
    write_sidecar(image, provenance, {"map": asdict(map_)})
    return "made"


def harmonized_paths(harmonized: Path, scan: str) -> tuple[Path, Path]:
    """Where the harmonized image and label map of a scan are."""
    return harmonized / f"{scan}.nii", harmonized / f"{scan}_label.nii"


def read_gridded(scan: Scan, settings: HarmonizeConfig) -> Volume:
    """The image of a scan on the study's grid, intensities as they were."""
    volume = orient_to_ras(read_volume(scan.image))
    return resample_image(volume, settings.spacing)


def scans_of(splits: Sequence[Row], split: str, role: Role) -> list[str]:
    """Ids of the scans with a role in a split, sorted.

    Raises:
        StageError: the split is unknown, or nobody trains in it.
    """
    names = sorted({row["split"] for row in splits})
    if split not in names:
        raise StageError(f"split {split!r} is unknown; known: {', '.join(names)}")
    chosen = [
        row["scan"] for row in splits if row["split"] == split and row["role"] == role
    ]
    if role == "train" and not chosen:
        raise StageError(f"split {split!r} has no training scan; add subjects")
    return sorted(chosen)


def _moments(volume: Volume, settings: HarmonizeConfig) -> Moments:
    """Moments of the foreground of each channel."""
    masks = [find_foreground(channel, settings.foreground) for channel in volume.array]
    return measure_moments(volume.array, masks)


def _fit_zscore(volume: Volume, settings: HarmonizeConfig) -> LinearMap:
    return standardize(_moments(volume, settings))


def _fit_percentile(volume: Volume, settings: HarmonizeConfig) -> LinearMap:
    masks = [find_foreground(channel, settings.foreground) for channel in volume.array]
    return fit_percentiles(volume.array, masks, settings.percentiles)


def _keep(volume: Volume, _settings: HarmonizeConfig) -> LinearMap:
    channels = len(volume.array)
    return LinearMap(offset=(0.0,) * channels, scale=(1.0,) * channels)


# Methods that are fitted on each scan by itself; the others come as a fitted map.
FITS: Mapping[IntensityName, Callable[[Volume, HarmonizeConfig], LinearMap]] = {
    "none": _keep,
    "zscore": _fit_zscore,
    "percentile": _fit_percentile,
}


def _read_map(fitted: Path) -> LinearMap:
    """The map inside a fitted map's file."""
    values = read_json(fitted)["map"]
    return LinearMap(
        offset=tuple(values["offset"]),
        scale=tuple(values["scale"]),
        limits=tuple(values["limits"]) if values["limits"] else None,
    )


def _provenance(
    scan: Scan,
    intensity: IntensityName,
    fitted: Path | None,
    settings: HarmonizeConfig,
) -> Provenance:
    """What the harmonized files of a scan depend on."""
    inputs = {"image": recorded_checksum(scan.image)}
    if scan.label:
        inputs["label"] = checksum(scan.label)
    if fitted:
        inputs["map"] = checksum(fitted)
    relevant = settings.model_dump(mode="json")
    if intensity == "none":
        relevant.pop("foreground")
    if intensity != "percentile":
        relevant.pop("percentiles")
    return Provenance({"intensity": intensity, **relevant}, inputs)
